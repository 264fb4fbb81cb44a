#pragma once

#include <cstdint>
#include <memory>

#include "fornax/nn/conv.h"
#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"

namespace fornax::models {

struct LeNetOptions {
  std::int64_t classes = 10;
  std::int64_t in_channels = 1;
  std::int64_t size = 28;  ///< height and width of the images, 12 or more
};
/// LeNet-5 (LeCun et al., 1998) with ReLU and max pooling: images [N, in_channels, size, size] to logits [N,
/// classes].
class FORNAX_API LeNet final : public nn::LayerWith<LeNet, LeNetOptions> {
 public:
  /// Throws ValueError for sizes that are too small.
  explicit LeNet(const LeNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Child<nn::Conv2d> conv1, conv2;
  nn::Child<nn::Linear> fc1, fc2, fc3;
};

FORNAX_API std::unique_ptr<LeNet> lenet(const LeNetOptions& options = {});

}  // namespace fornax::models
