#pragma once

#include "fornax/ops/activation.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

struct BatchNormOptions {
  /// True: normalise by the statistics of this batch and update the running ones. False: by the running ones.
  bool training = false;
  /// Weight of this batch in the running statistics.
  double momentum = 0.1;
  double eps = 1e-5;
};

/// Mean and biased variance per channel of a batch: [C], f64 for values in f64, else f32.
struct BatchStatistics {
  Tensor mean, var;
};

struct BatchNormActOptions {
  bool training = false;
  double momentum = 0.1;
  double eps = 1e-5;
  Activation activation = Activation::none;
  /// Added before the activation: shape and dtype of x, to which autocast casts it. Undefined: nothing.
  Tensor residual = {};
  /// Of x, when training, where somebody has them (conv2d_with_statistics). Undefined: computed.
  BatchStatistics statistics = {};
};

/// y = (x - mean) / sqrt(var + eps) * weight + bias per channel (Ioffe and Szegedy, 2015).
///
/// x: floating, [N, C] or [N, C, ...]. weight, bias, running_mean, running_var: [C], f64 for x in f64, else
/// f32; weight and bias may be undefined (1 and 0), the running statistics too when training. y has x's dtype
/// and format; channels_last is the fast one. When training, mean and var are those of the batch, gradients
/// flow through them, and the running statistics are updated in place: running += momentum * (batch -
/// running), with the unbiased variance. Statistics of 16-bit and f32 inputs are good to 1e-6 relative, also
/// where the mean is far larger than the deviation. Throws ShapeError, DTypeError, ValueError. Does not wait
/// for the device.
FORNAX_API Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias,
                             const Tensor& running_mean, const Tensor& running_var,
                             const BatchNormOptions& options = {});

/// activation(batch_norm(x, ...) + residual) in one pass over memory (after the one for the statistics), and
/// two in backward.
FORNAX_API Tensor batch_norm_act(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                 const Tensor& running_mean, const Tensor& running_var,
                                 const BatchNormActOptions& options = {});

struct FoldedBatchNorm {
  Tensor weight, bias;
};

/// Batch normalisation by running statistics, folded into the convolution before it:
///
///   batch_norm(conv2d(x, conv_weight, conv_bias), weight, bias, running_mean, running_var)
///       = conv2d(x, folded.weight, folded.bias)     up to rounding, with
///   folded.weight = conv_weight * scale,   folded.bias = (conv_bias - running_mean) * scale + bias,
///   scale = weight / sqrt(running_var + eps)
///
/// conv_weight is [O, ...], floating, conv_bias [O] of its dtype or undefined; the others are [O], f64 for a
/// conv_weight in f64, else f32; weight and bias may be undefined. The results have conv_weight's dtype and
/// format. Not differentiable. Throws ShapeError, DTypeError, DeviceError, ValueError. Does not wait for the
/// device.
FORNAX_API FoldedBatchNorm fold_batch_norm(const Tensor& conv_weight, const Tensor& conv_bias,
                                           const Tensor& weight, const Tensor& bias,
                                           const Tensor& running_mean, const Tensor& running_var, double eps);

}  // namespace fornax
