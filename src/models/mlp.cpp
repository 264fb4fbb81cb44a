#include "fornax/models/mlp.h"

#include "fornax/nn/activation.h"
#include "fornax/nn/linear.h"

namespace fornax::models {

MLP::MLP(const MLPOptions& options) : LayerWith(options), layers(*this, "layers") {
  std::int64_t in = options.in_features;
  for (const std::int64_t out : options.hidden) {
    layers->add(nn::make<nn::Linear>({.in_features = in, .out_features = out})).add(nn::make<nn::ReLU>());
    in = out;
  }
  layers->add(nn::make<nn::Linear>({.in_features = in, .out_features = options.classes}));
}

Tensor MLP::forward(const Tensor& x) { return layers(x.flatten(1)); }

std::unique_ptr<MLP> mlp(const MLPOptions& options) { return std::make_unique<MLP>(options); }

}  // namespace fornax::models
