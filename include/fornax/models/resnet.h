#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "fornax/nn/conv.h"
#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"

namespace fornax::models {

struct ResNetOptions {
  std::int64_t classes = 1000;
  std::int64_t in_channels = 3;
  double width = 1;                 ///< scales all channels (to multiples of 8), for small runs; up to 64
  bool zero_init_residual = false;  ///< each block starts as the identity (Goyal et al., 2017)
  // As in other implementations, so that their weights fit:
  bool stride_in_1x1 = false;  ///< v1: a bottleneck strides in its first convolution, not in the 3x3 one
  bool conv_bias = false;
  double bn_eps = 1e-5;
};

/// Which ResNet: the blocks in each of its four stages, and their kind.
struct ResNetLayout {
  std::array<int, 4> blocks;
  bool bottleneck;
};

/// Deep residual network (He et al., 2015), v1.5: images [N, in_channels, H, W] to logits [N, classes].
/// Parameters have torchvision's names ("layer1.0.conv1.weight") and initial distributions. It works
/// channels_last until it is moved to another format.
class FORNAX_API ResNet final : public nn::Layer {
 public:
  /// Throws ValueError for sizes below 1, and a width that is not above 0 and up to 64.
  ResNet(const ResNetLayout& layout, const ResNetOptions& options);
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<nn::Module> make_alike() const override {
    return std::make_unique<ResNet>(layout_, options_);
  }

 private:
  ResNetLayout layout_;
  ResNetOptions options_;

 public:
  nn::Child<nn::Conv2d> conv1;
  nn::Child<nn::BatchNorm2d> bn1;
  nn::Child<nn::Sequential> layer1, layer2, layer3, layer4;
  nn::Child<nn::Linear> fc;
};

FORNAX_API std::unique_ptr<ResNet> resnet18(const ResNetOptions& options = {});
FORNAX_API std::unique_ptr<ResNet> resnet34(const ResNetOptions& options = {});
FORNAX_API std::unique_ptr<ResNet> resnet50(const ResNetOptions& options = {});
FORNAX_API std::unique_ptr<ResNet> resnet101(const ResNetOptions& options = {});
FORNAX_API std::unique_ptr<ResNet> resnet152(const ResNetOptions& options = {});

}  // namespace fornax::models
