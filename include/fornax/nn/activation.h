#pragma once

#include "fornax/nn/layer.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/softmax.h"

/// Activation functions and dropout as layers; each is the op of its name.
namespace fornax::nn {

class FORNAX_API ReLU final : public LayerWith<ReLU> {
 public:
  explicit ReLU(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return relu(x); }
};

/// clamp(x, 0, 6)
class FORNAX_API ReLU6 final : public LayerWith<ReLU6> {
 public:
  explicit ReLU6(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return clamp(x, 0, 6); }
};

class FORNAX_API SiLU final : public LayerWith<SiLU> {
 public:
  explicit SiLU(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return silu(x); }
};

class FORNAX_API Sigmoid final : public LayerWith<Sigmoid> {
 public:
  explicit Sigmoid(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return sigmoid(x); }
};

class FORNAX_API Tanh final : public LayerWith<Tanh> {
 public:
  explicit Tanh(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return tanh(x); }
};

struct GELUOptions {
  Gelu approximate = Gelu::exact;
};
class FORNAX_API GELU final : public LayerWith<GELU, GELUOptions> {
 public:
  explicit GELU(const GELUOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return gelu(x, options().approximate); }
};

struct SoftmaxOptions {
  int dim = -1;
};
class FORNAX_API Softmax final : public LayerWith<Softmax, SoftmaxOptions> {
 public:
  explicit Softmax(const SoftmaxOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return softmax(x, options().dim); }
};

class FORNAX_API LogSoftmax final : public LayerWith<LogSoftmax, SoftmaxOptions> {
 public:
  explicit LogSoftmax(const SoftmaxOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return log_softmax(x, options().dim); }
};

struct DropoutOptions {
  double p = 0.5;  ///< of an element becoming zero
};
/// Nothing in eval mode.
class FORNAX_API Dropout final : public LayerWith<Dropout, DropoutOptions> {
 public:
  explicit Dropout(const DropoutOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override { return dropout(x, options().p, is_training()); }
};

}  // namespace fornax::nn
