#include "fornax/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/rearrange.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/profiler/range.h"

namespace fornax::train {
namespace {

constexpr const char* loss_name = "loss";

void check(const TrainerOptions& options) {
  const auto at_least = [](std::int64_t least, const char* name, std::int64_t value) {
    if (value < least)
      throw ValueError("trainer", fmt::format("expected {} of {} or more, got {}", name, least, value));
  };
  at_least(1, "epochs", options.epochs);
  at_least(1, "accumulate", options.accumulate);
  at_least(1, "log_every", options.log_every);
  at_least(0, "max_rollbacks", options.max_rollbacks);
  if (options.max_rollbacks > 0 && options.checkpoints.directory.empty())
    throw ValueError("trainer", "expected a directory of checkpoints to roll back to, got none");
  if (!options.loss) throw ValueError("trainer", "expected a loss, got none");
  if (options.max_grad_norm < 0)
    throw ValueError("trainer",
                     fmt::format("expected a max_grad_norm of 0 or more, got {}", options.max_grad_norm));
  if (options.checkpoints.every < 0)
    throw ValueError("trainer", fmt::format("expected checkpoints every 0 or more steps, got {}",
                                            options.checkpoints.every));
  const auto is_monitor = [&](const Metric& metric) { return metric.name == options.checkpoints.monitor; };
  if (!options.checkpoints.directory.empty() && options.checkpoints.monitor != loss_name &&
      std::ranges::none_of(options.metrics, is_monitor))
    throw ValueError("trainer", fmt::format("expected to monitor the loss or a metric, got '{}'",
                                            options.checkpoints.monitor));
}

void advance(data::Prefetcher::Iterator& batch) {
  const profiler::Range range("data wait");
  ++batch;
}

/// Reads tensors of one element, with one wait for the device.
std::vector<double> read(const std::vector<Tensor>& numbers) {
  std::vector<Tensor> doubles;
  doubles.reserve(numbers.size());
  for (const Tensor& number : numbers) doubles.push_back(number.detach().reshape({1}).to(f64));
  return concat(doubles, 0).to_vector<double>();
}

}  // namespace

/// Loss and metrics of batches, summed on the device.
class Trainer::Totals {
 public:
  explicit Totals(const TrainerOptions& options) : options_(options) {}

  void add(const Tensor& loss, const Tensor& output, const Tensor& target) {
    const NoGrad no_grad;
    const std::int64_t samples = target.size(0);
    add(0, loss.detach().to(f64) * static_cast<double>(samples));
    for (std::size_t i = 0; i < options_.metrics.size(); ++i)
      add(i + 1, options_.metrics[i].total(output.detach(), target).to(f64));
    samples_ += samples;
  }
  /// The means, and `more` as they are. Waits for the device.
  Numbers read_means(const std::vector<std::pair<std::string, Tensor>>& more = {}) const {
    std::vector<Tensor> tensors = sums_;
    for (const auto& [name, tensor] : more) tensors.push_back(tensor);
    const std::vector<double> values = tensors.empty() ? std::vector<double>() : read(tensors);
    Numbers numbers;
    for (std::size_t i = 0; i < sums_.size(); ++i)
      numbers.emplace_back(i == 0 ? loss_name : options_.metrics[i - 1].name,
                           values[i] / static_cast<double>(samples_));
    for (std::size_t i = 0; i < more.size(); ++i)
      numbers.emplace_back(more[i].first, values[sums_.size() + i]);
    return numbers;
  }

 private:
  void add(std::size_t place, const Tensor& value) {
    if (place == sums_.size())
      sums_.push_back(value);
    else
      sums_[place] = sums_[place] + value;
  }

  const TrainerOptions& options_;
  std::vector<Tensor> sums_;
  std::int64_t samples_ = 0;
};

Trainer::Trainer(nn::Layer& model, optim::Optimizer& optimizer, TrainerOptions options)
    : model_(model),
      optimizer_(optimizer),
      options_(std::move(options)),
      scaler_({.enabled = options_.amp == f16}) {
  check(options_);
  if (options_.schedule) schedule_.emplace(optimizer_, options_.schedule);
  if (const CheckpointOptions& kept = options_.checkpoints; !kept.directory.empty())
    checkpoints_.emplace(kept.directory, io::CheckpointManagerOptions{.keep_last = kept.keep_last});
  if (options_.ema) ema_.emplace(model_, *options_.ema);
  add_parts();
}

bool Trainer::fit(data::DataLoader& loader, data::DataLoader* validation) {
  if (!position_.empty()) loader.load_state(position_);
  data::Prefetcher batches(loader, options_.device);
  batches_ = &batches;
  const std::unique_ptr<Trainer, void (*)(Trainer*)> at_the_end(
      this, [](Trainer* self) { self->batches_ = nullptr; });
  stopped_ = false;
  model_.train();
  for (const auto& callback : callbacks_) callback->on_fit_begin(*this);
  bool asked_to_stop = false;
  // The checkpoint of an epoch's last step may have been made before the epoch was evaluated.
  if (steps_in_epoch_ > 0 && steps_in_epoch_ == steps_per_epoch_) end_epoch(validation);
  while (!asked_to_stop && !stopped_ && epochs_ended_ < options_.epochs) {
    asked_to_stop = !train_epoch(loader);
    if (!asked_to_stop && steps_in_epoch_ == steps_per_epoch_) end_epoch(validation);
  }
  position_ = batches.state();
  for (const auto& callback : callbacks_) callback->on_fit_end(*this);
  return !asked_to_stop;
}

bool Trainer::train_epoch(data::DataLoader& loader) {
  auto batch = batches_->begin();
  const std::int64_t batches = loader.batches();
  const std::int64_t steps = (batches + options_.accumulate - 1) / options_.accumulate;
  if (batches == 0) throw ValueError("trainer", "expected a loader that gives a batch, got none");
  if (steps_in_epoch_ > 0 && steps != steps_per_epoch_)
    throw ValueError("trainer", fmt::format("expected to go on in an epoch of {} steps, got a loader for {}",
                                            steps_per_epoch_, steps));
  steps_per_epoch_ = steps;
  for (const auto& callback : callbacks_) callback->on_epoch_begin(*this, epochs_ended_ + 1);
  double waited = 0;
  for (; batch != batches_->end(); advance(batch)) {
    const std::int64_t left = batches - steps_in_epoch_ * options_.accumulate;
    StepInfo info{.epoch = epochs_ended_ + 1};
    make_step(batch, std::min(left, options_.accumulate), info);
    info.wait_seconds = loader.wait_seconds() - std::exchange(waited, loader.wait_seconds());
    for (const auto& callback : callbacks_) callback->on_step_end(*this, info);
    const bool asked_to_stop = options_.stop && options_.stop();
    const std::int64_t every = options_.checkpoints.every;
    if (asked_to_stop || stopped_ || (every > 0 && step_ % every == 0)) {
      require_finite_weights();
      save({});
    }
    if (asked_to_stop) return false;
    if (stopped_) break;
  }
  return true;
}

void Trainer::make_step(data::Prefetcher::Iterator& batch, std::int64_t batches, StepInfo& info) {
  const bool logged = (step_ + 1) % options_.log_every == 0;
  Totals totals(options_);
  optimizer_.zero_grad();
  for (std::int64_t i = 0; i < batches; ++i) {
    if (i > 0) advance(batch);
    const Tensor loss =
        loss_of(*batch, steps_in_epoch_ * options_.accumulate + i, logged ? &totals : nullptr);
    const profiler::Range range("backward");
    scaler_.scale(batches == 1 ? loss : loss / static_cast<double>(batches)).backward();
    info.samples += batch->label.size(0);
  }
  std::optional<profiler::Range> optimizer_step(std::in_place, "optimizer step");
  Tensor norm;
  if (options_.max_grad_norm > 0) {
    scaler_.unscale_(optimizer_);
    norm = optim::clip_grad_norm_(optimizer_.parameters(), options_.max_grad_norm);
  } else if (logged) {
    scaler_.unscale_(optimizer_);
    norm = optim::grad_norm(optimizer_.parameters());
  }
  const double lr = optimizer_.lr();
  scaler_.step(optimizer_);
  scaler_.update();
  if (ema_) ema_->update();
  if (schedule_) schedule_->step();
  optimizer_step.reset();
  info.step = ++step_;
  ++steps_in_epoch_;
  if (!logged) return;
  info.numbers = totals.read_means({{"grad_norm", norm}});
  info.numbers.emplace_back("lr", lr);
  if (const double loss = info.numbers.front().second; !std::isfinite(loss) && !scaler_.is_enabled())
    roll_back(fmt::format("expected a finite loss, got {} in step {} of epoch {}", loss, step_, info.epoch));
}

Tensor Trainer::loss_of(const data::Batch& batch, std::int64_t number, Totals* totals) {
  const profiler::Range range("forward");
  data::MixedBatch mixed{.x = batch.x, .label = batch.label, .other_label = {}};
  if (options_.mix) {  // with random numbers that neither a sample nor the order of the epoch has
    data::SampleRandom random =
        data::EpochRandom{.seed = options_.mix_seed, .epoch = epochs_ended_}.sample(-2 - number);
    mixed = options_.mix(batch, random);
  }
  Tensor output;
  {
    const amp::Autocast autocast(options_.device.type, options_.amp.value_or(bf16), options_.amp.has_value());
    output = model_(mixed.x);
  }
  Tensor loss = options_.loss(output, mixed.label);
  if (mixed.other_label.defined())
    loss = loss * mixed.weight + options_.loss(output, mixed.other_label) * (1 - mixed.weight);
  if (totals) totals->add(loss, output, mixed.label);
  return loss;
}

void Trainer::end_epoch(data::DataLoader* validation) {
  require_finite_weights();
  const Numbers evaluation = validation ? evaluate(*validation) : Numbers();
  last_evaluation_ = evaluation;
  ++epochs_ended_;
  steps_in_epoch_ = 0;
  for (const auto& callback : callbacks_) callback->on_epoch_end(*this, evaluation);
  std::optional<double> score;
  for (const auto& [name, value] : evaluation)
    if (name == options_.checkpoints.monitor) score = options_.checkpoints.lower_is_better ? -value : value;
  save(score);
}

Numbers Trainer::evaluate(data::DataLoader& loader) {
  if (!ema_) return evaluate_as_it_is(loader);
  const auto averaged = ema_->apply();
  return evaluate_as_it_is(loader);
}

Numbers Trainer::evaluate_as_it_is(data::DataLoader& loader) {
  const profiler::Range range("evaluation");
  const NoGrad no_grad;
  const std::unique_ptr<nn::Layer, void (*)(nn::Layer*)> back_to_training(
      model_.is_training() ? &model_ : nullptr, [](nn::Layer* model) { model->train(); });
  model_.eval();
  Totals totals(options_);
  for (const auto& callback : callbacks_) callback->on_evaluation_begin(*this);
  for (const data::Batch& batch : data::Prefetcher(loader, options_.device)) {
    const Tensor output = model_(batch.x);
    totals.add(options_.loss(output, batch.label), output, batch.label);
    for (const auto& callback : callbacks_) callback->on_evaluation_batch(*this, batch, output);
  }
  return totals.read_means();
}

std::vector<std::string> Trainer::evaluation_names() const {
  std::vector<std::string> names = {loss_name};
  for (const Metric& metric : options_.metrics) names.push_back(metric.name);
  return names;
}

std::vector<std::string> Trainer::step_names() const {
  std::vector<std::string> names = evaluation_names();
  names.insert(names.end(), {"grad_norm", "lr"});
  return names;
}

}  // namespace fornax::train
