#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fornax/data/dataset.h"
#include "fornax/train/metrics.h"
#include "fornax/train/report.h"
#include "train/report_page.h"

namespace fornax::train {

/// What a report shows of an evaluation. It is gathered on the device, without a wait, and read at the end.
class EvaluationRecord {
 public:
  /// Keeps the first `samples`.
  explicit EvaluationRecord(std::int64_t samples) : wanted_(samples) {}

  void add(const data::Batch& batch, const Tensor& output);

  /// The samples that are kept, on the device; undefined if there are none.
  Tensor inputs() const;
  /// Of a classifier; else nothing. Waits for the device.
  std::optional<Classification> classification(const std::vector<std::string>& names) const;
  /// Of a classifier of pictures; else none. Throws ValueError where mean or stddev do not fit the channels.
  /// Waits for the device.
  std::vector<Prediction> predictions(const ReportOptions& options) const;

 private:
  std::int64_t wanted_;
  std::vector<Tensor> inputs_, outputs_, labels_;  ///< of samples that are kept
  std::optional<ConfusionMatrix> matrix_;          ///< of a classifier
};

}  // namespace fornax::train
