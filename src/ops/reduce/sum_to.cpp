#include "ops/common/sum_to.h"

#include "ops/reduce/reduce_op.h"

namespace fornax::ops {

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Shape padded = Dims::filled(x.rank() - shape.rank(), 1);
  for (const std::int64_t size : shape) padded.push_back(size);
  Tensor y = empty(padded, {.dtype = x.dtype(), .device = x.device()});
  dispatch::run(reduce_row, Reduce{y, x, ReduceKind::sum});
  return y.reshape(shape);
}

}  // namespace fornax::ops
