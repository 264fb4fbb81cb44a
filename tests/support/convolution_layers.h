#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/shape.h"
#include "fornax/ops/conv2d.h"

namespace fornax::test {

/// A convolution of a model, at batch 1.
struct ConvolutionLayer {
  std::string name;  ///< "resnet50 layer1.0.conv1"
  Shape x, w, y;
  bool bias = false;
  Conv2dParams params;
};

/// Those of ResNet-18, ResNet-50, VGG-16 and MobileNetV2 for images of 224 x 224; of equal ones the first.
const std::vector<ConvolutionLayer>& convolution_layers();

}  // namespace fornax::test
