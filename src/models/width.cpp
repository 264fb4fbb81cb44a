#include "models/width.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "fornax/base/error.h"

namespace fornax::models {

void check_width(std::string_view model, double width) {
  constexpr double widest = 64;  // beyond it no memory holds a layer
  if (!(width > 0 && width <= widest))
    throw ValueError(model, fmt::format("expected a width above 0 and up to {}, got {}", widest, width));
}

std::int64_t scaled(std::int64_t channels, double width) {
  return 8 * std::max<std::int64_t>(1, std::llround(static_cast<double>(channels) * width / 8));
}

}  // namespace fornax::models
