#pragma once

#include "fornax/ops/activation.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

struct LinearOptions {
  Activation activation = Activation::none;
};

/// activation(x[..., in] * weight[out, in]^T + bias[out]) = [..., out]; `bias` may be undefined. One floating
/// dtype, one device; 16-bit types are summed in f32 and rounded once, gelu_tanh's perhaps before it too: it
/// is an op of its own where a gradient may be asked for, or the kernel cannot join it. cuBLASLt's relu may
/// make a NaN 0. Under autocast it runs in the 16-bit type. Throws ShapeError, DTypeError, DeviceError.
FORNAX_API Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                         const LinearOptions& options = {});

}  // namespace fornax
