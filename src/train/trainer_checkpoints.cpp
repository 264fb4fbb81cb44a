// What a trainer's checkpoints hold, and how it goes back to them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/cuda/math_mode.h"
#include "fornax/ops/optim_step.h"
#include "fornax/ops/random.h"
#include "fornax/profiler/range.h"
#include "fornax/train/model_file.h"
#include "fornax/train/trainer.h"

namespace fornax::train {

template <class Object>
void Trainer::add_part(const std::string& name, Object& object, bool is_learned) {
  parts_.push_back({.name = name,
                    .is_learned = is_learned,
                    .state = [&object] { return object.state(); },
                    .load = [&object](const State& state) { object.load_state(state); }});
}

void Trainer::add_parts() {
  constexpr bool is_learned = true;
  add_part("model", model_, is_learned);
  add_part("optimizer", optimizer_, is_learned);
  if (schedule_) add_part("schedule", *schedule_);
  if (scaler_.is_enabled()) add_part("scaler", scaler_, is_learned);
  if (ema_) add_part("ema", *ema_, is_learned);
  add_part("random", default_generator());
  if (cuda::cudnn_benchmark())
    parts_.push_back({.name = "cudnn",
                      .is_learned = false,
                      .state =
                          [] {
                            State state;
                            for (const auto& [name, place] : cuda::cudnn_choices())
                              state.add_int(name, place);
                            return state;
                          },
                      .load =
                          [](const State& state) {
                            cuda::CudnnChoices choices;
                            for (const auto& [name, place] : state) choices[name] = state.int_at(name);
                            cuda::set_cudnn_choices(std::move(choices));
                          }});
  parts_.push_back({.name = "data",
                    .is_learned = false,
                    .state = [this] { return batches_ ? batches_->state() : position_; },
                    .load = [this](const State& state) { position_ = state; }});
  parts_.push_back({.name = "trainer",
                    .is_learned = false,
                    .state =
                        [this] {
                          State state;
                          state.add_int("step", step_);
                          state.add_int("epochs_ended", epochs_ended_);
                          state.add_int("steps_in_epoch", steps_in_epoch_);
                          state.add_int("steps_per_epoch", steps_per_epoch_);
                          state.add_int("rollbacks", rollbacks_);
                          for (const auto& [name, value] : last_evaluation_)
                            state.add_double("evaluation." + name, value);
                          return state;
                        },
                    .load =
                        [this](const State& state) {
                          step_ = state.int_at("step");
                          epochs_ended_ = state.int_at("epochs_ended");
                          steps_in_epoch_ = state.int_at("steps_in_epoch");
                          steps_per_epoch_ = state.int_at("steps_per_epoch");
                          rollbacks_ = state.int_at("rollbacks");
                          last_evaluation_.clear();
                          for (const auto& [name, value] : state.sub("evaluation"))
                            last_evaluation_.emplace_back(name, value.item());
                        }});
}

void Trainer::add(std::shared_ptr<Callback> callback) {
  if (const std::string name = callback->name(); !name.empty()) {
    if (std::ranges::find(parts_, name, &Part::name) != parts_.end())
      throw ValueError("trainer",
                       fmt::format("expected a callback of another name than '{}', which a part of "
                                   "the checkpoints has",
                                   name));
    add_part(name, *callback);
  }
  callbacks_.push_back(std::move(callback));
}

io::Checkpoint Trainer::checkpoint() const {
  io::Checkpoint checkpoint{.parts = {}, .metadata = options_.checkpoints.metadata};
  for (const Part& part : parts_) checkpoint.parts[part.name] = part.state();
  return checkpoint;
}

void Trainer::load_checkpoint(const io::Checkpoint& checkpoint) {
  if (batches_) throw ValueError("trainer", "expected load_checkpoint outside of fit(), got it during one");
  for (const Part& part : parts_) (void)checkpoint.part(part.name);  // throws where there is none
  for (const auto& [name, state] : checkpoint.parts)
    if (std::ranges::find(parts_, name, &Part::name) == parts_.end())
      throw ValueError("trainer",
                       fmt::format("expected a checkpoint without '{}', got one with it: callbacks are added "
                                   "before the run goes on",
                                   name));
  for (const Part& part : parts_) part.load(checkpoint.part(part.name));
}

std::optional<io::FoundCheckpoint> Trainer::resume() {
  if (!checkpoints_)
    throw ValueError("trainer", "expected a directory of checkpoints to resume from, got none");
  if (checkpoints_->empty()) return {};
  io::FoundCheckpoint found = checkpoints_->load_latest();
  load_checkpoint(found.checkpoint);
  return found;
}

void Trainer::save(std::optional<double> score) {
  if (!checkpoints_) return;
  const profiler::Range range("checkpoint");
  const std::string path = checkpoints_->save(step_, checkpoint(), score);
  for (const auto& callback : callbacks_) callback->on_checkpoint(*this, path);
}

void Trainer::require_finite_weights() {
  if (!checkpoints_) return;
  std::vector<Tensor> weights = model_.parameters();
  for (Tensor& weight : weights) weight = weight.detach();
  if (weights.empty() || std::isfinite(total_norm(weights).item())) return;
  roll_back(fmt::format("expected finite weights to save, got some that are not after step {}", step_));
}

void Trainer::roll_back(const std::string& what) {
  if (rollbacks_ == options_.max_rollbacks || checkpoints_->empty()) {
    const std::string before =
        rollbacks_ > 0 ? fmt::format(", after rollback {} of {}", rollbacks_, options_.max_rollbacks)
                       : std::string(options_.max_rollbacks > 0 ? ", and no checkpoint to roll back to" : "");
    throw NonFiniteLoss("trainer", what + before + ": with AnomalyGuard the op that first makes it is named");
  }
  const io::FoundCheckpoint found = checkpoints_->load_latest();
  // The rates of the next step, which the optimizer's state would set back too.
  const State rates = schedule_ ? schedule_->state() : State();
  for (const Part& part : parts_)
    if (part.is_learned) part.load(found.checkpoint.part(part.name));
  if (schedule_) schedule_->load_state(rates);
  ++rollbacks_;
  const std::string why = fmt::format("{}: the weights went back to those of step {}, rollback {} of {}",
                                      what, found.step, rollbacks_, options_.max_rollbacks);
  for (const auto& callback : callbacks_) callback->on_rollback(*this, why);
}

void Trainer::save_model(const std::string& path) {
  if (!ema_) return train::save_model(path, model_);
  const auto averaged = ema_->apply();
  train::save_model(path, model_);
}

}  // namespace fornax::train
