#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax {

/// The matrix product, as NumPy's `@`: a[..., m, k] * b[..., k, n] gives [..., m, n], leading axes broadcast.
/// A vector `a` counts as a row and a vector `b` as a column, and that axis is gone from the result (two
/// vectors: their inner product). One floating dtype, one device; 16-bit types are summed in f32. Operands of
/// any strides are read where they lie. Under autocast it runs in the 16-bit type. Throws ShapeError,
/// DTypeError, DeviceError.
FORNAX_API Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace fornax
