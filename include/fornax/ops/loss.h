#pragma once

#include "fornax/tensor/tensor.h"

/// Losses. All are differentiable in their floating inputs except weights and targets; none waits for the
/// device. All throw ShapeError, DTypeError and DeviceError for operands that do not fit.
namespace fornax {

/// What becomes of the losses of the elements: a tensor of them, their (weighted) mean, or their sum.
enum class Reduction : std::uint8_t { none, mean, sum };

struct CrossEntropyOptions {
  /// One factor per class [C], in the dtype of the logits (f32 beside 16 bits); undefined: all 1.
  Tensor weight;
  /// Rows with this target count nothing.
  std::int64_t ignore_index = -100;
  /// The share of the target that goes to all classes alike.
  double label_smoothing = 0;
  /// mean divides by the sum of the targets' weights: over no rows it is NaN.
  Reduction reduction = Reduction::mean;
};

/// The cross-entropy of softmax(logits) with class indices: logits [C], [N,C] or [N,C,d1,...], target i64 of
/// the same shape without C. With e = label_smoothing a row's loss is (1 - e) w[t] (-log p[t]) + e / C * sum
/// over c of w[c] (-log p[c]), and 0 if ignored. On the CPU a target outside of [0, C) that is not
/// ignore_index throws IndexError; on other devices, where finding it would mean waiting, the loss of its row
/// and its gradient are NaN, and so is a mean with such a row. Throws ValueError for a smoothing outside of
/// [0, 1]. Autocast runs it in f32.
FORNAX_API Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                                const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight;
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::mean;
};

/// cross_entropy of log-probabilities, as log_softmax gives them. Autocast runs it in f32.
FORNAX_API Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                           const NllLossOptions& options = {});

/// (x - target)^2. Autocast runs it in f32.
FORNAX_API Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);
/// |x - target|. Autocast runs it in f32.
FORNAX_API Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean);

struct BceWithLogitsOptions {
  /// A factor per loss; it broadcasts to the shape of the logits. Undefined: 1.
  Tensor weight;
  /// A factor of the loss of positive targets, mostly one per class; it broadcasts likewise. Undefined: 1.
  Tensor pos_weight;
  Reduction reduction = Reduction::mean;
};

/// -(pos_weight * target * log(p) + (1 - target) * log(1 - p)) with p = sigmoid(logits), computed without
/// overflow or cancellation; targets, of the shape and dtype of the logits, are probabilities. Autocast runs
/// it in f32.
FORNAX_API Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                                   const BceWithLogitsOptions& options = {});

}  // namespace fornax
