#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y = exp(x - logsumexp(x)) along `axis`, or x - logsumexp(x) if `log`. y has x's shape and dtype and is
/// dense in some order of its axes; x has any strides. Computed in f64 for f64, else in f32.
struct Softmax {
  static constexpr std::string_view op_name = "softmax";
  TensorView y, x;
  int axis = 0;
  bool log = false;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

/// dx = y (dy - sum(dy y)), or dy - exp(y) sum(dy) if `log`, the sums along `axis`; dx as y above.
struct SoftmaxGrad {
  static constexpr std::string_view op_name = "softmax_grad";
  TensorView dx, dy, y;
  int axis = 0;
  bool log = false;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx}, dispatch::Operand{"dy", &dy}, dispatch::Operand{"y", &y}};
  }
};

extern const dispatch::Kernel<Softmax> softmax_cpu, softmax_cuda;
extern const dispatch::Kernel<SoftmaxGrad> softmax_grad_cpu, softmax_grad_cuda;
extern const dispatch::Row<Softmax> softmax_row;
extern const dispatch::Row<SoftmaxGrad> softmax_grad_row;

}  // namespace fornax::ops
