#include "fornax/nn/linear.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/embedding.h"
#include "fornax/ops/linear.h"
#include "nn/default_init.h"

namespace fornax::nn {
namespace {

Shape sizes(std::string_view layer, std::int64_t rows, std::int64_t columns) {
  if (rows < 1 || columns < 1)
    throw ValueError(layer, fmt::format("expected sizes of 1 or more, got {} and {}", rows, columns));
  return {rows, columns};
}

}  // namespace

Linear::Linear(const LinearOptions& options)
    : LayerWith(options),
      weight(*this, "weight", default_weight(sizes("Linear", options.out_features, options.in_features))),
      bias(*this, "bias", options.bias ? default_bias(weight) : Tensor()) {}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight, bias); }

Embedding::Embedding(const EmbeddingOptions& options)
    : LayerWith(options),
      weight(*this, "weight",
             init::normal_(empty(sizes("Embedding", options.num_embeddings, options.embedding_dim)))) {}

Tensor Embedding::forward(const Tensor& indices) { return embedding(weight, indices); }

Tensor Flatten::forward(const Tensor& x) { return x.flatten(options().start_dim, options().end_dim); }

Tensor Identity::forward(const Tensor& x) { return x; }

}  // namespace fornax::nn
