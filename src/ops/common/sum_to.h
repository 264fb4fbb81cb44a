#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax::ops {

/// Sums `x` over the axes along which `shape` was broadcast to x's shape: the gradient of broadcasting.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace fornax::ops
