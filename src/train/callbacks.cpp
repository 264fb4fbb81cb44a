#include "fornax/train/callbacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/train/trainer.h"
#include "train/memory.h"

namespace fornax::train {
namespace {

const double* find(const Numbers& numbers, std::string_view name) {
  const auto found = std::ranges::find(numbers, name, &Numbers::value_type::first);
  return found == numbers.end() ? nullptr : &found->second;
}

void append(Fields& fields, const Numbers& numbers) {
  for (const auto& [name, value] : numbers) fields.push_back({name, value});
}

}  // namespace

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

void JsonLogger::on_fit_begin(Trainer&) {
  log_ = keep_ ? std::make_unique<JsonLog>(path_, *keep_) : std::make_unique<JsonLog>(path_);
}

void JsonLogger::on_step_end(Trainer&, const StepInfo& info) {
  if (info.numbers.empty()) return;
  Fields fields = {{"phase", "train"}, {"epoch", info.epoch}, {"step", info.step}};
  append(fields, info.numbers);
  log_->write(fields);
}

void JsonLogger::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  if (evaluation.empty()) return;
  Fields fields = {{"phase", "test"}, {"epoch", trainer.epochs_ended()}, {"step", trainer.step()}};
  append(fields, evaluation);
  log_->write(fields);
}

void JsonLogger::on_rollback(Trainer& trainer, const std::string& why) {
  log_->write({{"phase", "rollback"}, {"step", trainer.step()}, {"why", why}});
}

State JsonLogger::state() const {
  State state;
  state.add_int("bytes", log_ ? log_->size() : keep_.value_or(0));
  return state;
}

void JsonLogger::load_state(const State& state) { keep_ = state.int_at("bytes"); }

CurvesPlot::CurvesPlot(std::string path, std::vector<std::string> panels) : path_(std::move(path)) {
  for (std::string& name : panels)
    panels_.push_back({.title = std::move(name), .curves = {{"training batch", {}}, {"test set", {}}}});
}

void CurvesPlot::add(std::size_t curve, std::int64_t step, const Numbers& numbers) {
  for (Panel& panel : panels_)
    if (const double* value = find(numbers, panel.title))
      panel.curves[curve].points.push_back({static_cast<double>(step), *value});
}

void CurvesPlot::on_step_end(Trainer&, const StepInfo& info) { add(0, info.step, info.numbers); }

void CurvesPlot::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  add(1, trainer.step(), evaluation);
  write_svg(path_, {.title = "Training", .x_label = "step", .panels = panels_});
}

State CurvesPlot::state() const {
  State state;
  for (const Panel& panel : panels_)
    for (std::size_t i = 0; i < panel.curves.size(); ++i) {
      std::vector<double> values;
      for (const Point& point : panel.curves[i].points) values.insert(values.end(), {point.x, point.y});
      const auto points = static_cast<std::int64_t>(values.size() / 2);
      state.add(fmt::format("{}.{}", panel.title, i == 0 ? "train" : "test"),
                from_span<double>(values, {points, 2}));
    }
  return state;
}

void CurvesPlot::load_state(const State& state) {
  std::vector<Panel> panels = panels_;
  for (Panel& panel : panels)
    for (std::size_t i = 0; i < panel.curves.size(); ++i) {
      const Tensor& saved = state.at(fmt::format("{}.{}", panel.title, i == 0 ? "train" : "test"));
      if (saved.rank() != 2 || saved.size(1) != 2)
        throw ShapeError("curves_plot",
                         fmt::format("expected points [n,2], got {}", to_string(saved.shape())));
      const std::vector<double> values = saved.to_vector<double>();
      panel.curves[i].points.clear();
      for (std::size_t j = 0; j < values.size(); j += 2)
        panel.curves[i].points.push_back({values[j], values[j + 1]});
    }
  panels_ = std::move(panels);
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
  const double* value = find(evaluation, options_.monitor);
  if (!value)
    throw ValueError("early_stopping",
                     fmt::format("expected an evaluation with '{}', got none", options_.monitor));
  const double cost = options_.lower_is_better ? *value : -*value;
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
