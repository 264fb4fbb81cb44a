#include "fornax/nn/fused.h"

#include "fornax/ops/batch_norm.h"
#include "fornax/ops/elementwise.h"

namespace fornax::nn {

Tensor conv_bn_act(Conv2d& conv, BatchNorm2d& bn, const Tensor& x, const ConvBnActOptions& options) {
  const Tensor h = conv(x);
  if (bn.has_hooks()) {
    Tensor y = bn(h);
    if (options.residual.defined()) y = y + options.residual;
    return options.activation == Activation::relu ? relu(y) : y;
  }
  bn.check_input(h);
  if (bn.is_training()) bn.num_batches_tracked.add_(1);
  return batch_norm_act(h, bn.weight, bn.bias, bn.running_mean, bn.running_var,
                        {.training = bn.is_training(),
                         .momentum = bn.options().momentum,
                         .eps = bn.options().eps,
                         .activation = options.activation,
                         .residual = options.residual});
}

}  // namespace fornax::nn
