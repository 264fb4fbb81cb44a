#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"

namespace fornax::ops {

/// y[..., m, n] = activation(a[..., m, k] * b[..., k, n] + bias[n]). All of one floating dtype and one rank
/// of at least 2; leading axes agree (repeated ones have stride 0). y is row-major; a and b have any strides;
/// bias may be absent, else it is dense. 16-bit types are summed in f32 and rounded once, or
/// before gelu_tanh too.
struct Matmul {
  static constexpr std::string_view op_name = "matmul";
  TensorView y, a, b, bias;
  Activation activation = Activation::none;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"a", &a}, dispatch::Operand{"b", &b},
                      dispatch::Operand{"bias", &bias}};
  }
};

/// `x` with the first `batch_rank` axes of `shape` before its last two, repeated where it lacks them.
TensorView repeat_batch(TensorView x, const Shape& shape, int batch_rank);

extern const dispatch::Kernel<Matmul> matmul_gemm, matmul_cublas, matmul_tiled;
extern const dispatch::Row<Matmul> matmul_row;

}  // namespace fornax::ops
