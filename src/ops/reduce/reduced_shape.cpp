#include "ops/reduce/reduced_shape.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "ops/common/check.h"

namespace fornax::ops {

ReducedShape::ReducedShape(const Tensor& x, const Dims& axes, bool keepdim, std::string_view op) {
  check_defined(op, x);
  unsigned reduced = axes.empty() ? ~0u : 0u;
  for (const std::int64_t axis : axes) {
    const unsigned bit = 1u << normalize_axis(axis, x, op);
    if (reduced & bit)
      throw ShapeError(op,
                       fmt::format("expected each axis once, got {}; x={}", to_string(axes), describe(x)));
    reduced |= bit;
  }
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t size = x.shape()[axis];
    const bool is_reduced = (reduced >> axis) & 1u;
    kept.push_back(is_reduced ? 1 : size);
    if (is_reduced) count *= size;
    if (keepdim || !is_reduced) result.push_back(kept.back());
  }
}

TensorView ReducedShape::with_rank(const Tensor& y) const {
  TensorView view = y;
  view.shape = kept;
  view.strides = strides_of(kept);
  return view;
}

Tensor reduce(const Tensor& x, const ReducedShape& shape, ReduceKind kind, DType dtype, double scale,
              const Tensor& center) {
  Tensor y = empty(shape.result, {.dtype = dtype, .device = x.device()});
  dispatch::run(reduce_row, Reduce{shape.with_rank(y), x, kind, center, scale});
  return y;
}

}  // namespace fornax::ops
