#include "fornax/nn/norm.h"

#include <fmt/core.h>

#include <algorithm>

#include "fornax/base/error.h"
#include "fornax/nn/activation_checkpoint.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/create.h"
#include "fornax/ops/layer_norm.h"

namespace fornax::nn {
namespace {

Shape features(std::int64_t count) {
  if (count < 1)
    throw ValueError("batch_norm", fmt::format("expected num_features of 1 or more, got {}", count));
  return {count};
}

const Shape& last_sizes(const Shape& shape) {
  if (shape.rank() == 0 || std::ranges::any_of(shape, [](std::int64_t size) { return size < 1; }))
    throw ValueError("LayerNorm", fmt::format("expected a normalized_shape of sizes of 1 or more, got {}",
                                              to_string(shape)));
  return shape;
}

}  // namespace

BatchNorm::BatchNorm(const Options& options, int least_rank, int most_rank)
    : options_(options),
      least_rank_(least_rank),
      most_rank_(most_rank),
      weight(*this, "weight", options.affine ? ones(features(options.num_features)) : Tensor()),
      bias(*this, "bias", options.affine ? zeros(features(options.num_features)) : Tensor()),
      running_mean(*this, "running_mean",
                   options.track_running_stats ? zeros(features(options.num_features)) : Tensor()),
      running_var(*this, "running_var",
                  options.track_running_stats ? ones(features(options.num_features)) : Tensor()),
      num_batches_tracked(*this, "num_batches_tracked",
                          options.track_running_stats ? zeros({}, {.dtype = DType::i64}) : Tensor()) {
  features(options.num_features);  // also of a layer without tensors
}

Tensor BatchNorm::forward_act(const Tensor& x, Activation activation, const Tensor& residual,
                              const BatchStatistics& statistics) {
  if (x.rank() < least_rank_ || x.rank() > most_rank_ || x.size(1) != options_.num_features) {
    const std::string ranks = least_rank_ == most_rank_ ? fmt::format("{}", least_rank_)
                                                        : fmt::format("{} or {}", least_rank_, most_rank_);
    throw ShapeError(type_name(), fmt::format("expected {} channels and rank {}, got x={}",
                                              options_.num_features, ranks, describe(x)));
  }
  // The running statistics have seen this batch before.
  const bool is_noted = uses_batch_statistics() && is_recomputing();
  Tensor y =
      batch_norm_act(x, weight, bias, is_noted ? Tensor() : running_mean, is_noted ? Tensor() : running_var,
                     {.training = uses_batch_statistics(),
                      .momentum = options_.momentum,
                      .eps = options_.eps,
                      .activation = activation,
                      .residual = residual,
                      .statistics = statistics});
  if (is_training() && !is_noted && num_batches_tracked.defined()) num_batches_tracked.add_(1);
  return y;
}

DType BatchNorm::dtype_when_cast_to(DType dtype) const { return is_16bit(dtype) ? f32 : dtype; }

LayerNorm::LayerNorm(const LayerNormOptions& options)
    : LayerWith(options),
      weight(*this, "weight",
             options.elementwise_affine ? ones(last_sizes(options.normalized_shape)) : Tensor()),
      bias(*this, "bias",
           options.elementwise_affine && options.bias ? zeros(last_sizes(options.normalized_shape))
                                                      : Tensor()) {}

Tensor LayerNorm::forward(const Tensor& x) {
  return layer_norm(x, options().normalized_shape, weight, bias, options().eps);
}

DType LayerNorm::dtype_when_cast_to(DType dtype) const { return is_16bit(dtype) ? f32 : dtype; }

}  // namespace fornax::nn
