#include "fornax/nn/conv.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "nn/default_init.h"

namespace fornax::nn {
namespace {

Shape weight_shape(const Conv2dOptions& o) {
  const bool valid = o.in_channels > 0 && o.out_channels > 0 && o.groups > 0 && o.kernel_size.h > 0 &&
                     o.kernel_size.w > 0 && o.in_channels % o.groups == 0 && o.out_channels % o.groups == 0;
  if (!valid)
    throw ValueError("Conv2d",
                     fmt::format("expected channels that groups divide and a kernel, all 1 or more, got "
                                 "in_channels={} out_channels={} groups={} kernel_size={}x{}",
                                 o.in_channels, o.out_channels, o.groups, o.kernel_size.h, o.kernel_size.w));
  return {o.out_channels, o.in_channels / o.groups, o.kernel_size.h, o.kernel_size.w};
}

}  // namespace

Conv2d::Conv2d(const Conv2dOptions& options)
    : LayerWith(options),
      weight(*this, "weight", default_weight(weight_shape(options))),
      bias(*this, "bias", options.bias ? default_bias(weight) : Tensor()) {}

Conv2dParams Conv2d::params() const {
  const Conv2dOptions& o = options();
  return {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups};
}

Tensor Conv2d::forward(const Tensor& x) { return conv2d(x, weight, bias, params()); }

}  // namespace fornax::nn
