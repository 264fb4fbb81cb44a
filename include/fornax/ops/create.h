#pragma once

#include "fornax/tensor/tensor.h"

/// Creation functions; see also empty, from_span, from_blob and tensor in fornax/tensor/tensor.h. None waits
/// for the device. All throw ShapeError for a shape that no memory can hold, OutOfMemory.
namespace fornax {

/// All elements `value`, which the dtype must hold: DTypeError for 3.7 or NaN in an integer dtype.
FORNAX_API Tensor full(const Shape& shape, Scalar value, const TensorOptions& options = {});
FORNAX_API Tensor zeros(const Shape& shape, const TensorOptions& options = {});
FORNAX_API Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// With the shape, device and format of `like`, and its dtype unless another is given.
FORNAX_API Tensor full_like(const Tensor& like, Scalar value, std::optional<DType> dtype = {});
FORNAX_API Tensor zeros_like(const Tensor& like, std::optional<DType> dtype = {});
FORNAX_API Tensor ones_like(const Tensor& like, std::optional<DType> dtype = {});

/// start, start + step, ... before `end`. Throws DTypeError if the dtype does not hold these numbers,
/// ValueError if `step` does not lead from start to end.
FORNAX_API Tensor arange(Scalar start, Scalar end, Scalar step = 1, DType dtype = i64, Device device = {});
/// 0, 1, ..., end - 1 as i64.
FORNAX_API Tensor arange(std::int64_t end);
/// `count` numbers at equal distances from `start` to `end`, both included. Floating dtypes.
FORNAX_API Tensor linspace(double start, double end, std::int64_t count, const TensorOptions& options = {});
/// A matrix of ones on the diagonal and zeros elsewhere, square unless `columns` is given.
FORNAX_API Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns = {},
                      const TensorOptions& options = {});

}  // namespace fornax
