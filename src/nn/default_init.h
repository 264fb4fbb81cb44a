#pragma once

#include <cmath>

#include "fornax/nn/init.h"

/// How linear and convolutional layers start in PyTorch: weight and bias uniform in +-1 / sqrt(fan in).
namespace fornax::nn {

inline Tensor default_weight(const Shape& shape) {
  return init::kaiming_uniform_(empty(shape), {.a = std::sqrt(5.0)});
}

/// Of the layer that has this weight [out, ...].
inline Tensor default_bias(const Tensor& weight) {
  const double bound = 1 / std::sqrt(static_cast<double>(init::fan_of(weight.shape()).in));
  return init::uniform_(empty({weight.size(0)}), -bound, bound);
}

}  // namespace fornax::nn
