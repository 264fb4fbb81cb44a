#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "fornax/dispatch/op.h"
#include "fornax/ops/optim_step.h"

/// Contracts over lists of tensors, so that a device can update them all in one launch. Formulas, and what
/// found_inf and steps do: see fornax/ops/optim_step.h.
namespace fornax::ops {

/// All of one shape and dtype; `buffer` may be undefined.
struct SgdViews {
  TensorView parameter, gradient, buffer;
  bool first = false;
  TensorView steps;  ///< i64, one element; defined where found_inf is
};
/// What the rates come to: p -= lr (direct d + through b) with d = g + decay p and b = take d + keep b.
struct SgdFactors {
  double lr, decay, keep, take, direct, through;
};
constexpr SgdFactors factors_of(const SgdRates& r) {
  return {
      r.lr, r.weight_decay, r.momentum, 1 - r.dampening, r.nesterov ? 1. : 0., r.nesterov ? r.momentum : 1.};
}
struct SgdStep {
  static constexpr std::string_view op_name = "sgd_step";
  std::span<const SgdViews> entries;
  SgdRates rates;
  /// Where it is defined: f64, the SgdFactors to be used, in the memory of the device, in place of those of
  /// `rates`.
  TensorView factors;
  TensorView found_inf;  ///< f32, one element, or undefined
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const SgdViews& entry : entries)
      all.insert(all.end(), {{"parameter", &entry.parameter},
                             {"gradient", &entry.gradient},
                             {"buffer", &entry.buffer},
                             {"steps", &entry.steps}});
    all.insert(all.end(), {{"factors", &factors}, {"found_inf", &found_inf}});
    return all;
  }
};

struct AdamWViews {
  TensorView parameter, gradient, exp_avg, exp_avg_sq;
  std::int64_t step = 1;
  TensorView steps;  ///< i64, one element; defined where found_inf is
};
/// What the rates come to: p = shrink p - size m / (sqrt(v) / root + eps) with m = beta1 m + rest1 g and
/// v = beta2 v + rest2 g^2; size and root depend on the step.
struct AdamWFactors {
  double lr, shrink, beta1, rest1, beta2, rest2, eps;
};
constexpr AdamWFactors factors_of(const AdamWRates& r) {
  return {r.lr, 1 - r.lr * r.weight_decay, r.beta1, 1 - r.beta1, r.beta2, 1 - r.beta2, r.eps};
}
/// What depends on the step of an entry: lr / (1 - beta1^step) and the root of 1 - beta2^step.
struct AdamWCorrection {
  double size, root;
};
inline AdamWCorrection correction_of(const AdamWFactors& f, std::int64_t step) {
  const auto t = static_cast<double>(step);
  return {f.lr / (1 - std::pow(f.beta1, t)), std::sqrt(1 - std::pow(f.beta2, t))};
}
struct AdamWStep {
  static constexpr std::string_view op_name = "adamw_step";
  std::span<const AdamWViews> entries;
  AdamWRates rates;
  /// Where it is defined: f64, the AdamWFactors to be used and, without found_inf, then each entry's
  /// AdamWCorrection, in the memory of the device, in place of those of `rates` and the steps.
  TensorView factors;
  TensorView found_inf;  ///< f32, one element, or undefined
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const AdamWViews& entry : entries)
      all.insert(all.end(), {{"parameter", &entry.parameter},
                             {"gradient", &entry.gradient},
                             {"exp_avg", &entry.exp_avg},
                             {"exp_avg_sq", &entry.exp_avg_sq},
                             {"steps", &entry.steps}});
    all.insert(all.end(), {{"factors", &factors}, {"found_inf", &found_inf}});
    return all;
  }
};

/// norm (f64, one element) = 2-norm of all elements of all x.
struct TotalNorm {
  static constexpr std::string_view op_name = "total_norm";
  std::span<const TensorView> x;
  TensorView norm;
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const TensorView& view : x) all.push_back({"x", &view});
    all.push_back({"norm", &norm});
    return all;
  }
};

/// x *= min(1, max_norm / (norm + 1e-6))
struct ClipByNorm {
  static constexpr std::string_view op_name = "clip_by_norm";
  std::span<const TensorView> x;
  TensorView norm;
  double max_norm = 1;
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const TensorView& view : x) all.push_back({"x", &view});
    all.push_back({"norm", &norm});
    return all;
  }
};

extern const dispatch::Kernel<SgdStep> sgd_step_cpu, sgd_step_cuda;
extern const dispatch::Kernel<AdamWStep> adamw_step_cpu, adamw_step_cuda;
extern const dispatch::Kernel<TotalNorm> total_norm_cpu, total_norm_cuda;
extern const dispatch::Kernel<ClipByNorm> clip_by_norm_cpu, clip_by_norm_cuda;
extern const dispatch::Row<SgdStep> sgd_step_row;
extern const dispatch::Row<AdamWStep> adamw_step_row;
extern const dispatch::Row<TotalNorm> total_norm_row;
extern const dispatch::Row<ClipByNorm> clip_by_norm_row;

}  // namespace fornax::ops
