#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/train/callbacks.h"
#include "fornax/train/trainer.h"
#include "train/json.h"
#include "train/line_log.h"

namespace fornax::train {
namespace {

/// A cell of a CSV file.
std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted += '"';
}

/// The fewest digits that read back as the same number.
std::string cell(double value) { return std::isnan(value) ? "nan" : fmt::format("{}", value); }

}  // namespace

LineLogger::LineLogger(std::string path) : path_(std::move(path)) {}

LineLogger::~LineLogger() = default;

void LineLogger::on_fit_begin(Trainer& trainer) {
  log_.reset();
  constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
  log_ = std::make_unique<LineLog>(path_, std::exchange(keep_, {}).value_or(all), head(trainer));
}

void LineLogger::on_step_end(Trainer& trainer, const StepInfo& info) {
  if (info.numbers.empty()) return;
  log_->write(
      line(trainer, {.phase = "train", .epoch = info.epoch, .step = info.step, .numbers = info.numbers}));
}

void LineLogger::on_epoch_end(Trainer& trainer, const Numbers& evaluation) {
  if (evaluation.empty()) return;
  log_->write(line(
      trainer,
      {.phase = "test", .epoch = trainer.epochs_ended(), .step = trainer.step(), .numbers = evaluation}));
}

void LineLogger::on_rollback(Trainer& trainer, const std::string&) {
  log_->write(line(
      trainer,
      {.phase = "rollback", .epoch = trainer.epochs_ended() + 1, .step = trainer.step(), .numbers = {}}));
}

State LineLogger::state() const {
  State state;
  state.add_int("bytes", log_ ? log_->size() : keep_.value_or(0));
  return state;
}

void LineLogger::load_state(const State& state) { keep_ = state.int_at("bytes"); }

std::string JsonLogger::line(const Trainer&, const Entry& entry) const {
  Fields fields = {{"phase", entry.phase}, {"epoch", entry.epoch}, {"step", entry.step}};
  for (const auto& [name, value] : entry.numbers) fields.push_back({name, value});
  return to_json(fields, -1);
}

std::string CsvLogger::head(const Trainer& trainer) const {
  std::string text = "phase,epoch,step";
  for (const std::string& name : trainer.step_names()) text += "," + cell(name);
  return text + "\n";
}

std::string CsvLogger::line(const Trainer& trainer, const Entry& entry) const {
  std::string text = fmt::format("{},{},{}", entry.phase, entry.epoch, entry.step);
  for (const std::string& name : trainer.step_names()) {
    const auto found = std::ranges::find(entry.numbers, name, &Numbers::value_type::first);
    text += "," + (found == entry.numbers.end() ? std::string() : cell(found->second));
  }
  return text + "\n";
}

}  // namespace fornax::train
