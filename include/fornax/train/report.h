#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/train/callback.h"
#include "fornax/train/history.h"
#include "fornax/train/json_log.h"

namespace fornax::train {

class EvaluationRecord;

struct ReportOptions {
  std::string title = "Training";
  Fields options = {};                    ///< with which the run was started: a table
  std::vector<std::string> classes = {};  ///< names by label; a label without one is shown as a number
  std::vector<std::string> panels = {"loss", "accuracy", "lr"};  ///< the numbers whose curves are drawn
  /// The first ones of the evaluation: their predictions are shown, and the model is called with them for its
  /// layers.
  std::int64_t samples = 24;
  /// How the pictures were normalised, for each channel or one for all: x is (picture - mean) / stddev.
  std::vector<float> mean = {0}, stddev = {1};
  int timed_calls = 3;  ///< by which the layers are timed (nn::SummaryOptions); 0: they are not
  std::function<double()> seconds = {};  ///< the clock; the system's steady one if not given
};

/// Writes a page about the run for a browser, one file that needs no other and no network: what the last
/// evaluation gave; curves, also of images per second and the share of the time that steps waited for data;
/// and of a classifier of up to 1000 classes its confusion matrix, precision, recall and F1 of each class,
/// and predictions with their pictures (of inputs [N,C,H,W] with 1 or 3 channels); options; and, when fit()
/// has ended with an epoch, the layers.
///
/// The page is written after each epoch and when fit() has ended, but for a fit() that went on with a run and
/// ended before its first evaluation: it leaves the page that it found. A run that goes on has the curves of
/// its beginning too, except those of measured times, of which checkpoints hold nothing.
///
/// Steps and batches of evaluations wait for nothing; at the end of an epoch it waits for the device.
class FORNAX_API Report final : public Callback {
 public:
  /// Throws ValueError for options that make no sense.
  explicit Report(std::string path, ReportOptions options = {});
  ~Report() override;

  void on_fit_begin(Trainer& trainer) override;
  void on_epoch_begin(Trainer& trainer, std::int64_t epoch) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  void on_evaluation_begin(Trainer& trainer) override;
  void on_evaluation_batch(Trainer& trainer, const data::Batch& batch, const Tensor& output) override;
  /// Throws IoError where the file cannot be written, ValueError where mean or stddev do not fit the inputs.
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  void on_fit_end(Trainer& trainer) override;
  std::string name() const override { return "report"; }
  State state() const override { return history_.state(); }
  void load_state(const State& state) override { history_.load_state(state); }

 private:
  /// Images, and seconds in all and for data, of some steps.
  struct Work {
    double images = 0, seconds = 0, waited = 0;
  };

  void write(Trainer& trainer, bool with_layers);

  std::string path_;
  ReportOptions options_;
  History history_;
  Panel speed_, waiting_;  ///< over the steps of this fit()
  Work since_logged_, in_all_;
  double last_ = 0;  ///< when the last step or what came after it ended
  bool written_ = false;
  std::unique_ptr<EvaluationRecord> evaluation_;  ///< the last one, or none yet
};

}  // namespace fornax::train
