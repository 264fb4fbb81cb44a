#include "fornax/ops/amp.h"

#include <cmath>

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "ops/amp/amp_op.h"
#include "ops/common/tensor_list.h"

namespace fornax {

void ops::check_scale_rule(std::string_view op, const AmpScaleRule& rule) {
  if (!(rule.growth_factor >= 1 && std::isfinite(rule.growth_factor) && rule.backoff_factor > 0 &&
        rule.backoff_factor <= 1 && rule.growth_interval >= 1))
    throw ValueError(op,
                     fmt::format("expected a growth_factor of 1 or more, a backoff_factor in (0, 1] and a "
                                 "growth_interval of 1 or more, got {}, {} and {}",
                                 rule.growth_factor, rule.backoff_factor, rule.growth_interval));
}

void amp_unscale_(std::span<const Tensor> gradients, const Tensor& scale, const Tensor& found_inf) {
  ops::TensorListChecker check("amp_unscale_");
  for (const Tensor& gradient : gradients) check.floating(gradient, "gradient");
  check.scalar(scale, f32, "scale");
  check.scalar(found_inf, f32, "found_inf");
  if (gradients.empty()) return;
  const std::vector<TensorView> views(gradients.begin(), gradients.end());
  ops::run_and_mark(
      [&] {
        dispatch::run(ops::amp_unscale_row, ops::AmpUnscale{views, scale, found_inf});
      },
      [&] {
        for (const Tensor& gradient : gradients) gradient.bump_version();
        found_inf.bump_version();
      });
}

void amp_update_scale_(const Tensor& scale, const Tensor& growth_tracker, const Tensor& found_inf,
                       const AmpScaleRule& rule) {
  ops::check_scale_rule("amp_update_scale_", rule);
  ops::TensorListChecker check("amp_update_scale_");
  check.floating(scale, "scale");
  check.scalar(scale, f32, "scale");
  check.scalar(growth_tracker, i64, "growth_tracker");
  check.scalar(found_inf, f32, "found_inf");
  dispatch::run(ops::amp_update_scale_row, ops::AmpUpdateScale{scale, growth_tracker, found_inf, rule});
  scale.bump_version();
  growth_tracker.bump_version();
}

}  // namespace fornax
