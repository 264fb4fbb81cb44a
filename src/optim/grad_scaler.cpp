#include "fornax/optim/grad_scaler.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "device/capture.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/transfer.h"
#include "ops/amp/amp_op.h"

namespace fornax::amp {
namespace {

constexpr std::string_view name = "GradScaler";

AmpScaleRule rule_of(const GradScalerOptions& options) {
  return {options.growth_factor, options.backoff_factor, options.growth_interval};
}

void check(const GradScalerOptions& options, double scale, std::int64_t growth_tracker) {
  ops::check_scale_rule(name, rule_of(options));
  if (!(scale > 0 && scale <= std::numeric_limits<float>::max()))
    throw ValueError(name, fmt::format("expected a scale above 0 that f32 holds, got {}", scale));
  if (growth_tracker < 0)
    throw ValueError(name, fmt::format("expected a growth_tracker of 0 or more, got {}", growth_tracker));
}

}  // namespace

GradScaler::GradScaler(const GradScalerOptions& options)
    : options_(options), scale_(full({}, options.init_scale)), growth_tracker_(zeros({}, {.dtype = i64})) {
  check(options, options.init_scale, 0);
}

Tensor GradScaler::scale(const Tensor& loss) {
  if (!options_.enabled) return loss;
  if (!loss.defined() || !is_floating(loss.dtype()))
    throw DTypeError(name, fmt::format("expected a floating loss, got {}",
                                       loss.defined() ? describe(loss) : "an undefined tensor"));
  if (!has_device_) {
    if (current_capture())
      throw ValueError(name, "expected a step before the one that is captured, got none of this scaler");
    scale_ = scale_.to(loss.device());
    growth_tracker_ = growth_tracker_.to(loss.device());
    has_device_ = true;
  }
  if (loss.device() != scale_.device())
    throw DeviceError(name, fmt::format("expected a loss on {}, as the first, got {}",
                                        to_string(scale_.device()), describe(loss)));
  return loss.dtype() == f64 ? loss * scale_.to(f64) : loss.to(f32) * scale_;
}

GradScaler::Pass* GradScaler::find(const optim::Optimizer& optimizer) {
  const auto pass = std::ranges::find(passes_, &optimizer, &Pass::optimizer);
  return pass == passes_.end() ? nullptr : &*pass;
}

void GradScaler::unscale_(optim::Optimizer& optimizer) {
  if (!options_.enabled) return;
  if (find(optimizer))
    throw ValueError(
        name, "expected one unscale_() of an optimizer, before its step(), until update(), got another");
  if (!has_device_) throw ValueError(name, "expected a scaled loss before unscale_() and step(), got none");
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : optimizer.parameters())
    if (Tensor grad = parameter.grad(); grad.defined()) gradients.push_back(std::move(grad));
  if (gradients.empty())
    throw ValueError(name, "expected gradients, got none: call backward() of the scaled loss first");
  const Tensor found_inf = zeros({}, {.device = scale_.device()});
  amp_unscale_(gradients, scale_, found_inf);
  passes_.push_back({&optimizer, found_inf});
}

void GradScaler::step(optim::Optimizer& optimizer) {
  if (!options_.enabled) return optimizer.step();
  if (!find(optimizer)) unscale_(optimizer);
  Pass& pass = *find(optimizer);
  if (pass.has_stepped) throw ValueError(name, "expected update() after step(), got another step()");
  optimizer.step(pass.found_inf);
  pass.has_stepped = true;
}

void GradScaler::update() {
  if (!options_.enabled) return;
  if (passes_.empty()) throw ValueError(name, "expected a step() before update(), got none");
  Tensor found_inf = passes_[0].found_inf;
  for (std::size_t i = 1; i < passes_.size(); ++i) found_inf = maximum(found_inf, passes_[i].found_inf);
  amp_update_scale_(scale_, growth_tracker_, found_inf, rule_of(options_));
  passes_.clear();
}

double GradScaler::get_scale() const { return options_.enabled ? scale_.item() : 1; }

State GradScaler::state() const {
  State state;
  if (!options_.enabled) return state;
  state.add("scale", scale_);
  state.add("growth_tracker", growth_tracker_);
  state.add_double("growth_factor", options_.growth_factor);
  state.add_double("backoff_factor", options_.backoff_factor);
  state.add_int("growth_interval", options_.growth_interval);
  return state;
}

void GradScaler::load_state(const State& state) {
  if (!options_.enabled) return;
  GradScalerOptions options = options_;
  options.growth_factor = state.double_at("growth_factor");
  options.backoff_factor = state.double_at("backoff_factor");
  options.growth_interval = state.int_at("growth_interval");
  const Tensor& scale = state.at("scale");
  if (scale.numel() != 1 || !is_floating(scale.dtype()))
    throw ValueError(name, fmt::format("expected 'scale' of one floating number, got {}", describe(scale)));
  check(options, scale.item(), state.int_at("growth_tracker"));
  options_ = options;
  // In place, so that what is captured goes on with them.
  const NoGrad no_grad;
  scale_.copy_(scale.reshape({}));
  growth_tracker_.copy_(state.at("growth_tracker").reshape({}));
}

}  // namespace fornax::amp
