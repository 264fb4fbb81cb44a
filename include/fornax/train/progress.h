#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fornax/base/export.h"

namespace fornax::train {

/// Named numbers, in the order in which they are shown.
using Numbers = std::vector<std::pair<std::string, double>>;

/// What a training step reports.
struct StepReport {
  std::int64_t images = 0;  ///< of this step
  double wait_seconds = 0;  ///< of this step: how long it waited for its data
  Numbers numbers = {};     ///< such as the loss; shown until there are others
  std::size_t memory = 0;   ///< bytes in use
};

/// What a progress line shows.
struct ProgressState {
  std::string title;  ///< "epoch 1/2"
  std::int64_t step = 0, steps = 0;
  Numbers numbers = {};
  double images_per_second = 0;
  double wait_share = 0;   ///< 0 to 1: the part of the time spent waiting for data
  std::size_t memory = 0;  ///< bytes; not shown if 0
  double eta_seconds = 0;  ///< until the last step
};
/// One line of at most `width` columns: as many of the numbers as fit, and a bar where there is room for it.
/// With a `width` of 0 all of them and no bar.
FORNAX_API std::string progress_line(const ProgressState& state, int width);

/// Shows how an epoch goes: on a terminal a bar that is redrawn at most 10 times a second, elsewhere a line
/// every few seconds. The rates are moving averages over about the last 30 steps.
///
///     Progress progress("epoch 1/2", steps);
///     for (...) progress.step({.images = 32, .wait_seconds = waited, .numbers = {{"loss", loss}}});
///     progress.finish();
class FORNAX_API Progress {
 public:
  struct Options {
    std::FILE* out = stdout;
    std::optional<bool> terminal;     ///< is `out` one; asked of the system if not given
    double line_every_seconds = 10;   ///< where it is not
    std::function<double()> seconds;  ///< the clock; the system's steady one if not given
  };
  Progress(std::string title, std::int64_t steps, Options options);
  Progress(std::string title, std::int64_t steps) : Progress(std::move(title), steps, {}) {}

  /// Counts one step that ended now.
  void step(const StepReport& report);
  /// Shows a line of text between what else is shown.
  void note(const std::string& text);
  /// Shows the last state and ends the line.
  void finish();

 private:
  void draw(bool last);
  void write(const std::string& text);

  Options options_;
  ProgressState state_;
  double last_step_ = 0, last_drawn_ = 0;
  double weight_ = 0, step_seconds_ = 0, step_images_ = 0, step_wait_ = 0;  ///< sums with decaying weights
};

}  // namespace fornax::train
