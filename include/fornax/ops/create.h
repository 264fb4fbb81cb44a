#pragma once

#include "fornax/tensor/tensor.h"

/// Creation functions; see also empty, from_span, from_blob and tensor in fornax/tensor/tensor.h. None waits
/// for the device.
namespace fornax {

FORNAX_API Tensor full(const Shape& shape, Scalar value, const TensorOptions& options = {});
FORNAX_API Tensor zeros(const Shape& shape, const TensorOptions& options = {});
FORNAX_API Tensor ones(const Shape& shape, const TensorOptions& options = {});
/// With the shape, device and format of `like`, and its dtype unless another is given.
FORNAX_API Tensor full_like(const Tensor& like, Scalar value, std::optional<DType> dtype = {});
FORNAX_API Tensor zeros_like(const Tensor& like, std::optional<DType> dtype = {});
FORNAX_API Tensor ones_like(const Tensor& like, std::optional<DType> dtype = {});

}  // namespace fornax
