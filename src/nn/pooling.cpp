#include "fornax/nn/pooling.h"

#include "fornax/ops/pool.h"

namespace fornax::nn {

Tensor MaxPool2d::forward(const Tensor& x) {
  const MaxPool2dOptions& o = options();
  return max_pool2d(
      x, o.kernel_size,
      {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .ceil_mode = o.ceil_mode});
}

Tensor AvgPool2d::forward(const Tensor& x) {
  const AvgPool2dOptions& o = options();
  return avg_pool2d(x, o.kernel_size,
                    {.stride = o.stride,
                     .padding = o.padding,
                     .ceil_mode = o.ceil_mode,
                     .count_include_pad = o.count_include_pad});
}

Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return adaptive_avg_pool2d(x, options().output_size); }

Tensor AdaptiveMaxPool2d::forward(const Tensor& x) { return adaptive_max_pool2d(x, options().output_size); }

}  // namespace fornax::nn
