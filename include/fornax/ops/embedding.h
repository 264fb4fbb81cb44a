#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax {

/// Rows of `weight` [V, D] by number: y[..., :] = weight[indices[...], :], where `indices` is i64 or i32 of
/// any shape. The gradient of a row used more than once is summed in the order of its uses, so it is the same
/// in every run. Throws ShapeError, DTypeError, DeviceError; on the CPU IndexError for an index outside of
/// 0..V-1. On a GPU, which would have to be waited for, such an index gives a row of NaN, and no gradient.
FORNAX_API Tensor embedding(const Tensor& weight, const Tensor& indices);

}  // namespace fornax
