#pragma once

#include <cstdint>

#include "fornax/base/pair.h"
#include "fornax/nn/layer.h"
#include "fornax/ops/conv2d.h"

namespace fornax::nn {

struct Conv2dOptions {
  std::int64_t in_channels = 0, out_channels = 0;
  Pair kernel_size = 1, stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
};
/// Convolution of images [N, in_channels, H, W]. weight [out_channels, in_channels / groups, kernel height,
/// kernel width] and bias [out_channels] are uniform in +-1 / sqrt(fan in).
class FORNAX_API Conv2d final : public LayerWith<Conv2d, Conv2dOptions> {
 public:
  /// Throws ValueError for options that make no convolution.
  explicit Conv2d(const Conv2dOptions& options);
  Tensor forward(const Tensor& x) override;
  /// How it goes over images.
  Conv2dParams params() const;

  Parameter weight, bias;
};

}  // namespace fornax::nn
