#include "fornax/nn/fused.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"

namespace fornax::nn {

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d& bn, const Tensor& x, const ConvBnActOptions& options) {
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
    return options.activation == Activation::relu ? relu(y) : y;
  }
  return bn.forward_act(h, options.activation, options.residual);
}

}  // namespace fornax::nn
