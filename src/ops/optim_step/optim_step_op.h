#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "fornax/dispatch/op.h"
#include "fornax/ops/optim_step.h"

/// Contracts over lists of tensors, so that a device can update them all in one launch. Formulas: see
/// fornax/ops/optim_step.h.
namespace fornax::ops {

/// All of one shape and dtype; `buffer` may be undefined.
struct SgdViews {
  TensorView parameter, gradient, buffer;
  bool first = false;
};
struct SgdStep {
  static constexpr std::string_view op_name = "sgd_step";
  std::span<const SgdViews> entries;
  SgdRates rates;
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const SgdViews& entry : entries)
      all.insert(all.end(),
                 {{"parameter", &entry.parameter}, {"gradient", &entry.gradient}, {"buffer", &entry.buffer}});
    return all;
  }
};

struct AdamWViews {
  TensorView parameter, gradient, exp_avg, exp_avg_sq;
  std::int64_t step = 1;
};
struct AdamWStep {
  static constexpr std::string_view op_name = "adamw_step";
  std::span<const AdamWViews> entries;
  AdamWRates rates;
  std::vector<dispatch::Operand> operands() const {
    std::vector<dispatch::Operand> all;
    for (const AdamWViews& entry : entries)
      all.insert(all.end(), {{"parameter", &entry.parameter},
                             {"gradient", &entry.gradient},
                             {"exp_avg", &entry.exp_avg},
                             {"exp_avg_sq", &entry.exp_avg_sq}});
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
