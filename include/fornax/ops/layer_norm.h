#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax {

/// (x - mean) / sqrt(var + eps) * weight + bias over the last axes, whose sizes are `normalized_shape`; the
/// variance is the biased one. `weight` and `bias` have that shape and x's dtype or, beside 16 bits, f32;
/// either may be undefined. The result has x's shape and dtype and is row-major. Does not wait for the
/// device. Throws ShapeError, DTypeError, DeviceError. Autocast runs it in f32. Ba, Kiros, Hinton, "Layer
/// Normalization".
FORNAX_API Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                             const Tensor& bias = {}, double eps = 1e-5);

}  // namespace fornax
