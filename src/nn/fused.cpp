#include "fornax/nn/fused.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/linear.h"
#include "ops/common/check.h"

namespace fornax::nn {
namespace {

Tensor activate(const Tensor& y, Activation activation) {
  if (activation == Activation::none) return y;
  return activation == Activation::relu ? relu(y) : gelu(y, Gelu::tanh);
}

/// Whether `bn` may be folded into the weight of `conv`, and that is less work than applying it to the
/// result.
bool is_worth_folding(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, const Tensor& residual) {
  const Conv2dOptions& o = conv.options();
  if (x.rank() != 4 || bn.options().num_features != o.out_channels) return false;  // which bn reports
  // In floating point: a stride of 0, or beyond any image, is the convolution's to report.
  const double pixels = static_cast<double>(x.size(0) * x.size(2) * x.size(3)) /
                        (static_cast<double>(o.stride.h) * static_cast<double>(o.stride.w));
  const std::int64_t weights_per_output = conv.weight.numel() / o.out_channels;
  return pixels >= static_cast<double>(weights_per_output) &&
         !autograd::needs_grad({{x, residual, conv.weight, conv.bias, bn.weight, bn.bias}});
}

Tensor folded(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, const ConvBnActOptions& options) {
  const auto [weight, bias] = fold_batch_norm(conv.weight, conv.bias, bn.weight, bn.bias, bn.running_mean,
                                              bn.running_var, bn.options().eps);
  return conv2d_act(x, weight, bias, conv.params(),
                    {.activation = options.activation, .residual = options.residual});
}

}  // namespace

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d& bn, const Tensor& x, const ConvBnActOptions& options) {
  ops::check_none_or_relu("conv_bn_act", options.activation);
  if (!conv.has_hooks() && !bn.has_hooks()) {
    if (bn.uses_batch_statistics()) {
      if (!conv.bias.defined()) {
        const auto [h, statistics] = conv2d_with_statistics(x, conv.weight, conv.params());
        return bn.forward_act(h, options.activation, options.residual, statistics);
      }
    } else if (is_worth_folding(conv, bn, x, options.residual)) {
      return folded(conv, bn, x, options);
    }
  }
  const Tensor h = conv(x);
  if (bn.has_hooks()) {
    Tensor y = bn(h);
    if (options.residual.defined()) {
      if (options.residual.shape() != y.shape())
        throw ShapeError("conv_bn_act",
                         fmt::format("expected a residual of the result's shape, got {} for {}",
                                     describe(options.residual), describe(y)));
      y = y + options.residual;
    }
    return activate(y, options.activation);
  }
  return bn.forward_act(h, options.activation, options.residual);
}

Tensor conv_act(Conv2d& conv, const Tensor& x, Activation activation) {
  ops::check_none_or_relu("conv_act", activation);
  if (conv.has_hooks()) return activate(conv(x), activation);
  return conv2d_act(x, conv.weight, conv.bias, conv.params(), {.activation = activation});
}

Tensor linear_act(Linear& linear, const Tensor& x, Activation activation) {
  if (linear.has_hooks()) return activate(linear(x), activation);
  return fornax::linear(x, linear.weight, linear.bias, {.activation = activation});
}

}  // namespace fornax::nn
