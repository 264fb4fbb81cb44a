#pragma once

#include <functional>
#include <string>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

/// What training loops count.
namespace fornax::train {

/// How many rows of `logits` [N,C] have their class, `target` [N] in i64, among the k largest: an i64 tensor
/// of rank 0, so that sums of batches need no waiting until they are shown. For k = 1 the first of equal
/// logits is the answer; beyond, a tie counts against the target. A row of NaN and a target below 0 (ignored)
/// are never right. Records nothing. Throws ShapeError, DTypeError, ValueError.
FORNAX_API Tensor top_k_correct(const Tensor& logits, const Tensor& target, int k = 1);

/// A number of a model's outputs, the mean over samples.
struct Metric {
  std::string name;
  /// Its sum over the samples of a batch: a tensor of one element on their device.
  std::function<Tensor(const Tensor& output, const Tensor& target)> total;
};
/// The share of the samples that top_k_correct counts: "accuracy" for k = 1, "top5" for 5. Throws ValueError
/// for a k below 1.
FORNAX_API Metric top_k_accuracy(int k = 1);

}  // namespace fornax::train
