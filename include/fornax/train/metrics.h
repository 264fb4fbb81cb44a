#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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

/// The mean of numbers that a device computes, such as the losses of an epoch: they are summed there, in f64,
/// and nothing waits until value().
class FORNAX_API RunningMean {
 public:
  /// Counts a mean over `count` samples: one floating element, always on one device. Throws ShapeError,
  /// DTypeError, DeviceError, ValueError for a count below 0.
  void update(const Tensor& mean, std::int64_t count = 1);
  /// NaN of nothing. Waits for the device.
  double value() const;
  std::int64_t count() const { return count_; }
  void reset() { *this = {}; }

 private:
  Tensor sum_;
  std::int64_t count_ = 0;
};

/// Of one class, and 0 where one of them would be 0 / 0.
struct ClassMetrics {
  double precision = 0;      ///< how many of its predictions are right
  double recall = 0;         ///< how many of its samples are found
  double f1 = 0;             ///< their harmonic mean
  std::int64_t support = 0;  ///< its samples
};

struct ClassificationReport {
  std::vector<ClassMetrics> classes;
  ClassMetrics macro;   ///< the mean of the classes, each alike; their support in all
  double accuracy = 0;  ///< how many of all predictions are right
};

/// How often samples of a class were taken for each class. Counted on the device, without a wait.
class FORNAX_API ConfusionMatrix {
 public:
  /// Throws ValueError for no classes.
  explicit ConfusionMatrix(std::int64_t classes);
  /// Counts the largest of `logits` [N,C] in each row as the prediction for `target` [N] in i64. Rows that
  /// hold NaN and targets outside of 0..C-1 (ignored) count nothing. Throws ShapeError, DTypeError,
  /// DeviceError.
  void update(const Tensor& logits, const Tensor& target);
  /// i64 [C,C]: targets down, predictions across; on the device of the updates.
  const Tensor& counts() const { return counts_; }
  /// Waits for the device.
  ClassificationReport report() const;
  void reset();

 private:
  Tensor counts_;
  bool has_device_ = false;
};

}  // namespace fornax::train
