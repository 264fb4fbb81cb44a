#pragma once

#include <string_view>

#include "fornax/tensor/tensor.h"
#include "ops/reduce/reduce_op.h"

namespace fornax::ops {

/// The shapes of one reduction.
struct ReducedShape {
  /// Throws IndexError and ShapeError naming `op`.
  ReducedShape(const Tensor& x, const Dims& axes, bool keepdim, std::string_view op);

  Shape kept;              ///< x's shape with 1 at the reduced axes
  Shape result;            ///< what the user gets: without the reduced axes unless keepdim
  std::int64_t count = 1;  ///< elements per output

  /// `y`, dense and of shape `result`, as kernels want it: with x's rank.
  TensorView with_rank(const Tensor& y) const;
};

/// Dispatches one reduction; `center` has the shape `kept`.
Tensor reduce(const Tensor& x, const ReducedShape& shape, ReduceKind kind, DType dtype, double scale = 1,
              const Tensor& center = {});

}  // namespace fornax::ops
