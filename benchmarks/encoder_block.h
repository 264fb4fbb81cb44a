#pragma once

#include <cmath>
#include <memory>

#include "fornax/fornax.h"

namespace fornax::bench {

struct EncoderBlockOptions {
  std::int64_t features = 512, heads = 8, hidden = 2048;
};

/// A block of a transformer's encoder (Vaswani et al., 2017): x [N, sequence, features] to the same shape,
/// without dropout.
class EncoderBlock final : public nn::LayerWith<EncoderBlock, EncoderBlockOptions> {
 public:
  explicit EncoderBlock(const Options& options) : LayerWith(options) {}

  Tensor forward(const Tensor& x) override {
    const Tensor attended = norm1(x + attention(x));
    return norm2(attended + linear2(relu(linear1(attended))));
  }

 private:
  Tensor attention(const Tensor& x) {
    const std::int64_t n = x.size(0), sequence = x.size(1), heads = options().heads,
                       depth = options().features / heads;
    // [3, N, heads, sequence, depth]
    const Tensor qkv = in_proj(x).reshape({n, sequence, 3, heads, depth}).permute({2, 0, 3, 1, 4});
    const Tensor q = qkv.select(0, 0), k = qkv.select(0, 1), v = qkv.select(0, 2);
    const Tensor scores = matmul(q * (1 / std::sqrt(static_cast<double>(depth))), k.transpose(-2, -1));
    const Tensor heads_out = matmul(softmax(scores, -1), v);
    return out_proj(heads_out.permute({0, 2, 1, 3}).reshape({n, sequence, heads * depth}));
  }

  nn::Child<nn::Linear> in_proj{
      *this, "in_proj", {.in_features = options().features, .out_features = 3 * options().features}};
  nn::Child<nn::Linear> out_proj{
      *this, "out_proj", {.in_features = options().features, .out_features = options().features}};
  nn::Child<nn::LayerNorm> norm1{*this, "norm1", {.normalized_shape = {options().features}}};
  nn::Child<nn::Linear> linear1{
      *this, "linear1", {.in_features = options().features, .out_features = options().hidden}};
  nn::Child<nn::Linear> linear2{
      *this, "linear2", {.in_features = options().hidden, .out_features = options().features}};
  nn::Child<nn::LayerNorm> norm2{*this, "norm2", {.normalized_shape = {options().features}}};
};

}  // namespace fornax::bench
