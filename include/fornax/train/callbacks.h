#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/train/callback.h"
#include "fornax/train/history.h"

/// Callbacks of a Trainer.
namespace fornax::train {

class LineLog;

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

/// What JsonLogger and CsvLogger have in common: a file with a line for each step that is logged, each
/// evaluation and each rollback, in the file as soon as it is made. A resumed run cuts off what was written
/// after its checkpoint.
class FORNAX_API LineLogger : public Callback {
 public:
  ~LineLogger() override;

  /// Throws IoError where the file cannot be opened or is no log of this form.
  void on_fit_begin(Trainer& trainer) override;
  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  void on_rollback(Trainer& trainer, const std::string& why) override;
  State state() const override;
  void load_state(const State& state) override;

 protected:
  struct Entry {
    std::string phase;  ///< "train", "test" or "rollback"
    std::int64_t epoch = 0, step = 0;
    Numbers numbers;
  };

  explicit LineLogger(std::string path);
  /// The lines with which the file begins.
  virtual std::string head(const Trainer&) const { return {}; }
  virtual std::string line(const Trainer& trainer, const Entry& entry) const = 0;

 private:
  std::string path_;
  std::optional<std::int64_t> keep_;
  std::unique_ptr<LineLog> log_;
};

/// Writes a JsonLog of lines {"phase":"train","epoch":1,"step":10,"loss":...,...}.
class FORNAX_API JsonLogger final : public LineLogger {
 public:
  explicit JsonLogger(std::string path) : LineLogger(std::move(path)) {}
  std::string name() const override { return "log"; }

 protected:
  std::string line(const Trainer& trainer, const Entry& entry) const override;
};

/// Writes a table for spreadsheets and pandas.read_csv, comma-separated as of RFC 4180 but for its line ends,
/// which are '\n'. Its columns are phase, epoch, step and Trainer::step_names(); what an evaluation does not
/// have, such as lr, is empty. Numbers read back as they were, those that are not finite are nan, inf and
/// -inf.
class FORNAX_API CsvLogger final : public LineLogger {
 public:
  explicit CsvLogger(std::string path) : LineLogger(std::move(path)) {}
  std::string name() const override { return "csv"; }

 protected:
  std::string head(const Trainer& trainer) const override;
  std::string line(const Trainer& trainer, const Entry& entry) const override;
};

/// Draws the numbers of steps and evaluations over the steps, a panel for each of `panels` (a panel whose
/// number is never seen stays empty), after each epoch.
class FORNAX_API CurvesPlot final : public Callback {
 public:
  explicit CurvesPlot(std::string path, std::vector<std::string> panels = {"loss", "accuracy"})
      : path_(std::move(path)), history_(std::move(panels)) {}

  void on_step_end(Trainer& trainer, const StepInfo& info) override;
  /// Throws IoError where the file cannot be written.
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override;
  std::string name() const override { return "curves"; }
  State state() const override { return history_.state(); }
  void load_state(const State& state) override { history_.load_state(state); }

 private:
  std::string path_;
  History history_;
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
