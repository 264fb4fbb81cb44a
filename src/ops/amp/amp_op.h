#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fornax/dispatch/op.h"
#include "fornax/ops/amp.h"

/// Formulas: see fornax/ops/amp.h.
namespace fornax::ops {

/// Throws ValueError naming `op` for a rule that makes no sense.
void check_scale_rule(std::string_view op, const AmpScaleRule& rule);

/// x /= scale; found_inf = 1 if an element of any x is not finite.
struct AmpUnscale {
  static constexpr std::string_view op_name = "amp_unscale";
  std::span<const TensorView> x;
  TensorView scale, found_inf;  ///< f32, one element
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const TensorView& view : x) all.push_back({"x", &view});
    all.insert(all.end(), {{"scale", &scale}, {"found_inf", &found_inf}});
    return all;
  }
};

struct AmpUpdateScale {
  static constexpr std::string_view op_name = "amp_update_scale";
  TensorView scale, growth_tracker, found_inf;  ///< f32, i64, f32, one element each
  AmpScaleRule rule;
  std::vector<dispatch::Operand> operands() const {
    return {{"scale", &scale}, {"growth_tracker", &growth_tracker}, {"found_inf", &found_inf}};
  }
};

extern const dispatch::Kernel<AmpUnscale> amp_unscale_cpu, amp_unscale_cuda;
extern const dispatch::Kernel<AmpUpdateScale> amp_update_scale_cpu, amp_update_scale_cuda;
extern const dispatch::Row<AmpUnscale> amp_unscale_row;
extern const dispatch::Row<AmpUpdateScale> amp_update_scale_row;

}  // namespace fornax::ops
