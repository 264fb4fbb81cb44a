#pragma once

#include <string_view>

#include "fornax/tensor/tensor.h"
#include "ops/common/check.h"

/// What the user functions of elementwise ops check and make alike.
namespace fornax::ops {

/// Throws ValueError, DTypeError or DeviceError naming `op` unless `a` and `b` are defined, have one dtype
/// and are on one device.
void check_alike(std::string_view op, const Tensor& a, const Tensor& b);
/// Throws ValueError or DTypeError naming `op` unless x is defined and its dtype is one of `dtypes`, which
/// `wanted` describes.
void check_dtype(std::string_view op, const Tensor& x, DTypeSet dtypes, std::string_view wanted);
/// Throws ValueError or DTypeError naming `op` unless x is defined and `value` a number that its dtype holds.
/// (Floating dtypes hold all.)
void check_scalar(std::string_view op, const Tensor& x, Scalar value);

/// Uninitialised, of `shape` and `dtype`, in the format of the first of the operands that has that shape.
Tensor empty_for(const Shape& shape, DType dtype, const Tensor& a, const Tensor& b);

/// Throws ShapeError naming `op` unless each element of `target` has memory of its own and `source`, which
/// may be undefined, broadcasts to target's shape.
void check_target(std::string_view op, const Tensor& target, const Tensor& source);
/// NumPy's rule, of tensors. Throws ShapeError naming `op`.
Shape broadcast(std::string_view op, const Tensor& a, const Tensor& b);
/// `source`, or a (recorded) copy of it if writing `target` in place would change elements of `source` that
/// are still to be read, by the kernel or by backward.
Tensor unaliased(const Tensor& source, const Tensor& target);

}  // namespace fornax::ops
