#pragma once

#include "fornax/tensor/tensor.h"

/// y = x / sqrt(mean(x^2) + eps) * weight, the mean over the last dimension (Zhang and Sennrich, "Root mean
/// square layer normalization", 2019). x: [..., n] of f32 or f64; weight: [n] of the same. Differentiable.
/// Throws ShapeError, DTypeError. Does not wait for the device.
fornax::Tensor rms_norm(const fornax::Tensor& x, const fornax::Tensor& weight, double eps = 1e-6);
