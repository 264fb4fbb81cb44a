#pragma once

#include <cstdint>

#include "fornax/nn/layer.h"

namespace fornax::nn {

struct LinearOptions {
  std::int64_t in_features = 0, out_features = 0;
  bool bias = true;
};
/// x W^T + b over the last axis. weight [out_features, in_features] and bias [out_features] are uniform in
/// +-1 / sqrt(in_features).
class FORNAX_API Linear final : public LayerWith<Linear, LinearOptions> {
 public:
  /// Throws ValueError for a size below 1.
  explicit Linear(const LinearOptions& options);
  Tensor forward(const Tensor& x) override;

  Parameter weight, bias;
};

struct EmbeddingOptions {
  std::int64_t num_embeddings = 0, embedding_dim = 0;
};
/// Rows of weight [num_embeddings, embedding_dim], which is standard normal, for integer indices.
class FORNAX_API Embedding final : public LayerWith<Embedding, EmbeddingOptions> {
 public:
  /// Throws ValueError for a size below 1.
  explicit Embedding(const EmbeddingOptions& options);
  Tensor forward(const Tensor& indices) override;

  Parameter weight;
};

struct FlattenOptions {
  int start_dim = 1, end_dim = -1;
};
/// Merges the axes from start_dim to end_dim (inclusive) into one.
class FORNAX_API Flatten final : public LayerWith<Flatten, FlattenOptions> {
 public:
  explicit Flatten(const FlattenOptions& options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

/// Gives its input.
class FORNAX_API Identity final : public LayerWith<Identity> {
 public:
  explicit Identity(NoOptions options = {}) : LayerWith(options) {}
  Tensor forward(const Tensor& x) override;
};

}  // namespace fornax::nn
