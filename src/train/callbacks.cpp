#include "fornax/train/callbacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/train/trainer.h"
#include "train/memory.h"

namespace fornax::train {

void ProgressBar::on_epoch_begin(Trainer& trainer, std::int64_t epoch) {
  progress_.emplace(fmt::format("epoch {}/{}", epoch, trainer.options().epochs),
                    trainer.steps_per_epoch() - trainer.steps_in_epoch(), options_);
}

void ProgressBar::on_step_end(Trainer& trainer, const StepInfo& info) {
  progress_->step({.images = info.samples,
                   .wait_seconds = info.wait_seconds,
                   .numbers = info.numbers,
                   .memory = in_use(trainer.options().device)});
}

void ProgressBar::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  finish();
  if (evaluation.empty()) return;
  std::string text = fmt::format("epoch {}/{}: test", trainer.epochs_ended(), trainer.options().epochs);
  for (const auto& [name, value] : evaluation) text += fmt::format(" {} {:.4f}", name, value);
  note(text);
}

void ProgressBar::on_checkpoint(Trainer& trainer, const std::string&) {
  if (progress_) note(fmt::format("checkpoint at step {}", trainer.step()));
}

void ProgressBar::on_rollback(Trainer&, const std::string& why) { note(why); }

void ProgressBar::on_fit_end(Trainer&) { finish(); }

void ProgressBar::finish() {
  if (progress_) progress_->finish();
  progress_.reset();
}

void ProgressBar::note(const std::string& text) {
  if (progress_) return progress_->note(text);
  fmt::print(options_.out, "{}\n", text);
  std::fflush(options_.out);
}

void CurvesPlot::on_step_end(Trainer&, const StepInfo& info) { history_.add_step(info.step, info.numbers); }

void CurvesPlot::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  history_.add_evaluation(trainer.step(), evaluation);
  write_svg(path_, {.title = "Training", .x_label = "step", .panels = history_.panels()});
}

EarlyStopping::EarlyStopping(EarlyStoppingOptions options)
    : options_(std::move(options)), best_(std::numeric_limits<double>::infinity()) {
  if (options_.patience < 1 || !(options_.min_delta >= 0))
    throw ValueError(
        "early_stopping",
        fmt::format("expected a patience of 1 or more and a min_delta of 0 or more, got {} and {}",
                    options_.patience, options_.min_delta));
}

void EarlyStopping::on_fit_begin(Trainer& trainer) {
  if (has_stopped()) trainer.stop();
}

void EarlyStopping::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  const auto value = std::ranges::find(evaluation, options_.monitor, &Numbers::value_type::first);
  if (value == evaluation.end())
    throw ValueError("early_stopping",
                     fmt::format("expected an evaluation with '{}', got none", options_.monitor));
  const double cost = options_.lower_is_better ? value->second : -value->second;
  if (cost < best_ - options_.min_delta) {
    best_ = cost;
    bad_epochs_ = 0;
  } else if (++bad_epochs_; has_stopped()) {
    trainer.stop();
  }
}

State EarlyStopping::state() const {
  State state;
  state.add_double("best", best_);
  state.add_int("bad_epochs", bad_epochs_);
  return state;
}

void EarlyStopping::load_state(const State& state) {
  const double best = state.double_at("best");
  bad_epochs_ = state.int_at("bad_epochs");
  best_ = best;
}

}  // namespace fornax::train
