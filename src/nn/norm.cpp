#include "fornax/nn/norm.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/create.h"

namespace fornax::nn {
namespace {

Shape features(std::int64_t count) {
  if (count < 1)
    throw ValueError("batch_norm", fmt::format("expected num_features of 1 or more, got {}", count));
  return {count};
}

}  // namespace

BatchNorm::BatchNorm(const Options& options, int least_rank, int most_rank)
    : options_(options),
      least_rank_(least_rank),
      most_rank_(most_rank),
      weight(*this, "weight", options.affine ? ones(features(options.num_features)) : Tensor()),
      bias(*this, "bias", options.affine ? zeros(features(options.num_features)) : Tensor()),
      running_mean(*this, "running_mean", zeros(features(options.num_features))),
      running_var(*this, "running_var", ones(features(options.num_features))),
      num_batches_tracked(*this, "num_batches_tracked", zeros({}, {.dtype = DType::i64})) {}

void BatchNorm::check_input(const Tensor& x) const {
  if (x.rank() < least_rank_ || x.rank() > most_rank_ || x.size(1) != options_.num_features) {
    const std::string ranks = least_rank_ == most_rank_ ? fmt::format("{}", least_rank_)
                                                        : fmt::format("{} or {}", least_rank_, most_rank_);
    throw ShapeError(type_name(), fmt::format("expected {} channels and rank {}, got x={}",
                                              options_.num_features, ranks, describe(x)));
  }
}

Tensor BatchNorm::forward(const Tensor& x) {
  check_input(x);
  if (is_training()) num_batches_tracked.add_(1);
  return batch_norm(x, weight, bias, running_mean, running_var,
                    {.training = is_training(), .momentum = options_.momentum, .eps = options_.eps});
}

DType BatchNorm::dtype_when_cast_to(DType dtype) const { return is_16bit(dtype) ? f32 : dtype; }

}  // namespace fornax::nn
