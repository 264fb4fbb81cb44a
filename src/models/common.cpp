#include "models/common.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "fornax/base/error.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/init.h"
#include "fornax/nn/linear.h"

namespace fornax::models {

void check_width(std::string_view model, double width) {
  constexpr double widest = 64;  // beyond it no memory holds a layer
  if (!(width > 0 && width <= widest))
    throw ValueError(model, fmt::format("expected a width above 0 and up to {}, got {}", widest, width));
}

std::int64_t scaled(std::int64_t channels, double width) {
  return 8 * std::max<std::int64_t>(1, std::llround(static_cast<double>(channels) * width / 8));
}

void initialise(nn::Module& model) {
  model.apply([](nn::Module& module) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(&module)) {
      nn::init::kaiming_normal_(
          conv->weight, {.mode = nn::init::FanMode::out, .nonlinearity = nn::init::Nonlinearity::relu});
      if (conv->bias.defined()) nn::init::zeros_(conv->bias);
    } else if (auto* linear = dynamic_cast<nn::Linear*>(&module)) {
      nn::init::normal_(linear->weight, 0, 0.01);
      nn::init::zeros_(linear->bias);
    }
  });
}

}  // namespace fornax::models
