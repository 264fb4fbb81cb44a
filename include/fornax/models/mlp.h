#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fornax/nn/layer.h"

namespace fornax::models {

struct MLPOptions {
  std::int64_t in_features = 784;
  std::vector<std::int64_t> hidden = {128};  ///< widths of the hidden layers
  std::int64_t classes = 10;
};
/// Multi-layer perceptron: [N, ...], flattened to [N, in_features], through linear layers with ReLU between
/// them to logits [N, classes]. Parameters: "layers.0.weight", "layers.0.bias", "layers.2.weight", ...
class FORNAX_API MLP final : public nn::LayerWith<MLP, MLPOptions> {
 public:
  /// Throws ValueError for sizes below 1.
  explicit MLP(const MLPOptions& options = {});
  Tensor forward(const Tensor& x) override;

  nn::Child<nn::Sequential> layers;
};

FORNAX_API std::unique_ptr<MLP> mlp(const MLPOptions& options = {});

}  // namespace fornax::models
