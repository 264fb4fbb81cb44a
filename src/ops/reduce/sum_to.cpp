#include "ops/common/sum_to.h"

#include "ops/reduce/reduce_op.h"

namespace fornax::ops {

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device()});
  TensorView padded = y;
  padded.shape = Dims::filled(x.rank() - shape.rank(), 1);
  for (const std::int64_t size : shape) padded.shape.push_back(size);
  padded.strides = strides_of(padded.shape);
  dispatch::run(reduce_row, Reduce{padded, x});
  return y;
}

}  // namespace fornax::ops
