#pragma once

#include "fornax/base/pair.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/batch_norm.h"
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

struct Conv2dActOptions {
  Activation activation = Activation::none;
  /// Added before the activation: of the result's shape and dtype. Undefined: nothing.
  Tensor residual = {};
};

/// activation(conv2d(x, weight, bias, params) + residual), where nothing is rounded or written in between.
/// cuDNN's relu may make a NaN 0. Throws as conv2d does, and for a residual that does not fit.
FORNAX_API Tensor conv2d_act(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Conv2dParams& params, const Conv2dActOptions& options);

struct Conv2dWithStatistics {
  Tensor y;
  BatchStatistics statistics;
};

/// conv2d(x, weight, {}, params) with the statistics that batch normalisation takes of it, in one pass over
/// memory where the backend can: on a GPU, in f16 and with channels in multiples of 8, cuDNN sums values and
/// squares in f32, which costs the variance digits where a channel's mean is far larger than its deviation;
/// KernelGuard("conv2d_statistics", "separate") is exact there too. y is differentiable as conv2d's is,
/// the statistics are constants. Throws as conv2d does, and ShapeError where there is nothing to sum.
FORNAX_API Conv2dWithStatistics conv2d_with_statistics(const Tensor& x, const Tensor& weight,
                                                       const Conv2dParams& params = {});

/// The gradient of conv2d with respect to x, which had `x_shape`; also known as transposed convolution.
FORNAX_API Tensor conv2d_grad_input(const Tensor& dy, const Tensor& weight, const Shape& x_shape,
                                    const Conv2dParams& params = {});

/// The gradient of conv2d with respect to weight, which had `weight_shape` and gets `format`.
FORNAX_API Tensor conv2d_grad_weight(const Tensor& dy, const Tensor& x, const Shape& weight_shape,
                                     const Conv2dParams& params = {},
                                     MemoryFormat format = MemoryFormat::contiguous);

}  // namespace fornax
