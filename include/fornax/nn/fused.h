#pragma once

#include "fornax/nn/conv.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"
#include "fornax/ops/activation.h"

namespace fornax::nn {

struct ConvBnActOptions {
  Activation activation = Activation::none;
  /// Added before the activation; of the result's shape and dtype. Undefined: nothing.
  Tensor residual = {};
};

/// activation(bn(conv(x)) + residual), fused as far as the backend can: with conv2d_with_statistics when
/// training; in eval mode, where no gradient can be asked for, by fold_batch_norm, if the images are larger
/// than the weight. Layers that have hooks run by themselves, so that the hooks see what they ask for; the
/// result is the same up to rounding. Throws as the two layers do, ShapeError and DTypeError for a residual
/// that does not fit; then `bn` has counted and tracked nothing, unless its hooks made it run by itself.
FORNAX_API Tensor conv_bn_act(Conv2d& conv, BatchNorm2d& bn, const Tensor& x,
                              const ConvBnActOptions& options = {});

/// activation(conv(x)) and activation(linear(x)), in one pass over memory where the backend can. A layer that
/// has hooks runs by itself, as in conv_bn_act. Throw as conv2d_act and linear do.
FORNAX_API Tensor conv_act(Conv2d& conv, const Tensor& x, Activation activation);
FORNAX_API Tensor linear_act(Linear& linear, const Tensor& x, Activation activation);

}  // namespace fornax::nn
