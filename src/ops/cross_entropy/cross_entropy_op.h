#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "fornax/ops/loss.h"

namespace fornax::ops {

/// What forward and backward share. x is [N,C,d1,...] with the classes along `axis`; target i64 and lse have
/// that shape without it; weight [C] is x's dtype or, beside 16 bits, f32.
struct CrossEntropyTerms {
  TensorView x, target, weight;
  /// logsumexp(x) of each row, f64 for f64, else f32; undefined if x are log-probabilities already.
  TensorView lse;
  /// The sum of the rows' weights, one element of lse's dtype.
  TensorView total_weight;
  int axis = 0;
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
  Reduction reduction = Reduction::mean;
};

/// Writes lse, total_weight and loss, which has one element of x's dtype or, for Reduction::none, target's
/// shape. The formula is that of fornax::cross_entropy. A target that is no class: the CPU throws IndexError;
/// a device, which nobody waits for, gives its row the weight and the loss NaN, and backward the gradient
/// NaN. So a mean and all of its gradients are NaN; without reduction the other rows are as they should be.
struct CrossEntropy {
  static constexpr std::string_view op_name = "cross_entropy";
  TensorView loss;
  CrossEntropyTerms terms;
  auto operands() const {
    return std::array{
        dispatch::Operand{"loss", &loss},           dispatch::Operand{"x", &terms.x},
        dispatch::Operand{"target", &terms.target}, dispatch::Operand{"weight", &terms.weight},
        dispatch::Operand{"lse", &terms.lse},       dispatch::Operand{"total_weight", &terms.total_weight}};
  }
};

/// dx, which is dense in some order of its axes, from dloss and what the forward left.
struct CrossEntropyGrad {
  static constexpr std::string_view op_name = "cross_entropy_grad";
  TensorView dx, dloss;
  CrossEntropyTerms terms;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx},
                      dispatch::Operand{"dloss", &dloss},
                      dispatch::Operand{"x", &terms.x},
                      dispatch::Operand{"target", &terms.target},
                      dispatch::Operand{"weight", &terms.weight},
                      dispatch::Operand{"lse", &terms.lse},
                      dispatch::Operand{"total_weight", &terms.total_weight}};
  }
};

extern const dispatch::Kernel<CrossEntropy> cross_entropy_cpu, cross_entropy_cuda;
extern const dispatch::Kernel<CrossEntropyGrad> cross_entropy_grad_cpu, cross_entropy_grad_cuda;
extern const dispatch::Row<CrossEntropy> cross_entropy_row;
extern const dispatch::Row<CrossEntropyGrad> cross_entropy_grad_row;

}  // namespace fornax::ops
