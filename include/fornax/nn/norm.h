#pragma once

#include <cstdint>
#include <memory>

#include "fornax/nn/layer.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/batch_norm.h"

namespace fornax::nn {

struct BatchNormOptions {
  std::int64_t num_features = 0;
  double eps = 1e-5;
  double momentum = 0.1;            ///< weight of a batch in the running statistics
  bool affine = true;               ///< with weight and bias
  bool track_running_stats = true;  ///< false: no running statistics, each batch's own in eval mode too
};

/// Batch normalisation (Ioffe and Szegedy, 2015): by the batch's statistics while training, which also
/// updates running_mean, running_var and num_batches_tracked, and by the running ones in eval mode. weight
/// and running_var start as ones, bias and running_mean as zeros. Cast to a 16-bit type its tensors stay in
/// f32.
class FORNAX_API BatchNorm : public Layer {
 public:
  using Options = BatchNormOptions;
  const Options& options() const { return options_; }
  /// Throws ShapeError unless `x` has a rank and a number of channels that fit, and as batch_norm does.
  Tensor forward(const Tensor& x) override { return forward_act(x, Activation::none); }
  /// activation(forward(x) + residual) in one op; hooks see nothing of it. `statistics`, if any, are x's.
  /// Throws as batch_norm_act does.
  Tensor forward_act(const Tensor& x, Activation activation, const Tensor& residual = {},
                     const BatchStatistics& statistics = {});
  /// Whether it normalises by the statistics of the batch.
  bool uses_batch_statistics() const { return is_training() || !options_.track_running_stats; }

 private:
  Options options_;
  int least_rank_, most_rank_;

 public:
  Parameter weight, bias;
  Buffer running_mean, running_var, num_batches_tracked;

 protected:
  /// Throws ValueError for no features.
  BatchNorm(const Options& options, int least_rank, int most_rank);
  DType dtype_when_cast_to(DType dtype) const override;
};

/// Over [N, C, H, W].
class FORNAX_API BatchNorm2d final : public BatchNorm {
 public:
  explicit BatchNorm2d(const Options& options) : BatchNorm(options, 4, 4) {}

 protected:
  std::unique_ptr<Module> make_alike() const override { return std::make_unique<BatchNorm2d>(options()); }
};

/// Over [N, C] and [N, C, L].
class FORNAX_API BatchNorm1d final : public BatchNorm {
 public:
  explicit BatchNorm1d(const Options& options) : BatchNorm(options, 2, 3) {}

 protected:
  std::unique_ptr<Module> make_alike() const override { return std::make_unique<BatchNorm1d>(options()); }
};

struct LayerNormOptions {
  Shape normalized_shape = {};  ///< the sizes of the last axes, over which an element is normalised
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< with weight and, unless `bias` is false, bias
  bool bias = true;
};

/// Layer normalisation (Ba, Kiros, Hinton, 2016). weight starts as ones, bias as zeros. Cast to a 16-bit type
/// its tensors stay in f32.
class FORNAX_API LayerNorm final : public LayerWith<LayerNorm, LayerNormOptions> {
 public:
  /// Throws ValueError for no sizes or sizes below 1.
  explicit LayerNorm(const LayerNormOptions& options);
  Tensor forward(const Tensor& x) override;

  Parameter weight, bias;

 protected:
  DType dtype_when_cast_to(DType dtype) const override;
};

}  // namespace fornax::nn
