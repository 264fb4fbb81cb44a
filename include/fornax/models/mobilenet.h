#pragma once

#include <cstdint>
#include <memory>

#include "fornax/nn/activation.h"
#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"

namespace fornax::models {

struct MobileNetV2Options {
  std::int64_t classes = 1000;
  std::int64_t in_channels = 3;
  /// Scales all channels (to multiples of 8, torchvision's width_mult), the last ones only up; up to 64.
  double width = 1;
  double dropout = 0.2;  ///< before the linear layer
};

/// The linear layer, "1", with dropout before it.
class FORNAX_API MobileNetV2Classifier final : public nn::Layer {
 public:
  MobileNetV2Classifier(std::int64_t in, const MobileNetV2Options& options);
  Tensor forward(const Tensor& x) override;

  nn::Child<nn::Dropout> dropout;
  nn::Child<nn::Linear> fc;
};

/// Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018: images [N, in_channels, H,
/// W] to logits [N, classes]. Parameters have torchvision's names ("features.1.conv.0.0.weight",
/// "classifier.1.bias") and initial distributions. It works channels_last until it is moved to another
/// format.
class FORNAX_API MobileNetV2 final : public nn::LayerWith<MobileNetV2, MobileNetV2Options> {
 public:
  /// Throws ValueError for sizes below 1, and a width that is not above 0 and up to 64.
  explicit MobileNetV2(const MobileNetV2Options& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Child<nn::Sequential> features;
  nn::Child<MobileNetV2Classifier> classifier;
};

FORNAX_API std::unique_ptr<MobileNetV2> mobilenet_v2(const MobileNetV2Options& options = {});

}  // namespace fornax::models
