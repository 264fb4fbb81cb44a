#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/train/callback.h"
#include "fornax/train/json_log.h"
#include "fornax/train/plot.h"

/// Callbacks of a Trainer.
namespace fornax::train {

/// Shows a Progress for each epoch, and its evaluation.
class FORNAX_API ProgressBar final : public Callback {
 public:
  explicit ProgressBar(Progress::Options options = {}) : options_(std::move(options)) {}

  void on_epoch_begin(Trainer& trainer, std::int64_t epoch) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  void on_checkpoint(Trainer& trainer, const std::string& path) override;
  void on_rollback(Trainer& trainer, const std::string& why) override;
  void on_fit_end(Trainer& trainer) override;

 private:
  void finish();
  void note(const std::string& text);

  Progress::Options options_;
  std::optional<Progress> progress_;  ///< of the epoch under way
};

/// Writes a JsonLog: a line {"phase":"train","epoch":1,"step":10,"loss":...,...} for each step that is
/// logged, and one of the phase "test" for each evaluation, "rollback" for each of those. A resumed run cuts
/// off what was written after its checkpoint.
class FORNAX_API JsonLogger final : public Callback {
 public:
  explicit JsonLogger(std::string path) : path_(std::move(path)) {}

  /// Throws IoError where the file cannot be opened.
  void on_fit_begin(Trainer& trainer) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  void on_rollback(Trainer& trainer, const std::string& why) override;
  std::string name() const override { return "log"; }
  State state() const override;
  void load_state(const State& state) override;

 private:
  std::string path_;
  std::optional<std::int64_t> keep_;
  std::unique_ptr<JsonLog> log_;
};

/// Draws the numbers of steps and evaluations over the steps, a panel for each of `panels` (a panel whose
/// number is never seen stays empty), after each epoch.
class FORNAX_API CurvesPlot final : public Callback {
 public:
  explicit CurvesPlot(std::string path, std::vector<std::string> panels = {"loss", "accuracy"});

  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  /// Throws IoError where the file cannot be written.
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  std::string name() const override { return "curves"; }
  State state() const override;
  void load_state(const State& state) override;

 private:
  /// Adds the point of a panel's number to its curve of training (0) or evaluation (1).
  void add(std::size_t curve, std::int64_t step, const Numbers& numbers);

  std::string path_;
  std::vector<Panel> panels_;
};

struct EarlyStoppingOptions {
  std::string monitor = "loss";  ///< of the evaluation
  bool lower_is_better = true;
  std::int64_t patience = 5;  ///< epochs in a row without improvement that end the training
  double min_delta = 0;       ///< what is less better is no improvement
};

/// Ends fit() when an evaluation has not become better for some epochs.
class FORNAX_API EarlyStopping final : public Callback {
 public:
  /// Throws ValueError unless the patience is 1 or more and the min_delta 0 or more.
  explicit EarlyStopping(EarlyStoppingOptions options = {});

  void on_fit_begin(Trainer& trainer) override;
  /// Throws ValueError if the evaluation has no such number.
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  std::string name() const override { return "early_stopping"; }
  State state() const override;
  void load_state(const State& state) override;

  /// Whether it is what ended fit().
  bool has_stopped() const { return bad_epochs_ >= options_.patience; }

 private:
  EarlyStoppingOptions options_;
  double best_;
  std::int64_t bad_epochs_ = 0;
};

}  // namespace fornax::train
