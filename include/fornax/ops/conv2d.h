#pragma once

#include "fornax/base/pair.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

/// How a kernel goes over images. Padding is zeros on both sides.
struct Conv2dParams {
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
};

/// Cross-correlation of x[N, C, H, W] with weight[O, C / groups, kh, kw], plus bias[O] if defined:
///
///   y[n, o, i, j] = bias[o] + sum over c, u, v of
///                   x[n, c, i * stride.h - padding.h + u * dilation.h, j * stride.w - ...] * weight[o, c, u,
///                   v]
///
/// y's height is (H + 2 * padding - dilation * (kh - 1) - 1) / stride + 1, rounded down, and so its width.
/// One floating dtype, one device; 16-bit types are summed in f32 and rounded once. y is channels_last if x
/// or weight is, and then x is brought into that format first: on both backends it is the fast one. Under
/// autocast it runs in the 16-bit type. Differentiable any number of times. Throws ShapeError, ValueError,
/// DTypeError, DeviceError.
FORNAX_API Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                         const Conv2dParams& params = {});

/// The gradient of conv2d with respect to x, which had `x_shape`; also known as transposed convolution.
FORNAX_API Tensor conv2d_grad_input(const Tensor& dy, const Tensor& weight, const Shape& x_shape,
                                    const Conv2dParams& params = {});

/// The gradient of conv2d with respect to weight, which had `weight_shape` and gets `format`.
FORNAX_API Tensor conv2d_grad_weight(const Tensor& dy, const Tensor& x, const Shape& weight_shape,
                                     const Conv2dParams& params = {},
                                     MemoryFormat format = MemoryFormat::contiguous);

}  // namespace fornax
