#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/optim/optimizer.h"

/// Learning rates over time. A schedule is a function of the step; a Scheduler applies it to an optimizer:
///
///   optim::Scheduler schedule(optimizer, optim::OneCycleLR{.max_lr = 0.4, .total_steps = 1000});
///   for (...) { ...; optimizer.step(); schedule.step(); }
///
/// The options are PyTorch's, and so are the values. Calling a schedule throws ValueError for options that
/// make no sense: a number of steps below 1, a pct_start outside of [0, 1].
namespace fornax::optim {

/// What a schedule sets at a step; momentum stays as it is where it is left out.
struct Rates {
  double lr = 0;
  std::optional<double> momentum = {};
};

/// Rates of step `step` (0 is the first) for a group whose learning rate was `base_lr` to begin with. Any
/// function will do: `[](std::int64_t step, double base_lr) { return Rates{base_lr / (1.0 + step)}; }`
using Schedule = std::function<Rates(std::int64_t step, double base_lr)>;

/// Multiplies by `gamma` every `step_size` steps.
struct StepLR {
  std::int64_t step_size = 1;
  double gamma = 0.1;
  FORNAX_API Rates operator()(std::int64_t step, double base_lr) const;
};

/// Half a cosine from base_lr down to `eta_min` at step `T_max` (Loshchilov and Hutter, "SGDR", 2017), and
/// back up after it.
struct CosineAnnealingLR {
  std::int64_t T_max = 1;
  double eta_min = 0;
  FORNAX_API Rates operator()(std::int64_t step, double base_lr) const;
};

/// A factor that goes linearly from `start_factor` to `end_factor` in `total_iters` steps and stays there:
/// warm-up.
struct LinearLR {
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;
  FORNAX_API Rates operator()(std::int64_t step, double base_lr) const;
};

/// Up from max_lr / div_factor to max_lr in the first `pct_start` of the steps, then down to the first rate /
/// final_div_factor, while momentum goes the other way (Smith and Topin, "Super-convergence", 2018). Stays at
/// the end after `total_steps`.
struct OneCycleLR {
  enum class Anneal { cos, linear };
  std::optional<double> max_lr = {};  ///< left out: each group's own learning rate
  std::int64_t total_steps = 1;
  double pct_start = 0.3;
  Anneal anneal_strategy = Anneal::cos;
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;  ///< down to the first rate as fast as up, then to the last one
  FORNAX_API Rates operator()(std::int64_t step, double base_lr) const;
};

/// The first schedule until the first milestone, the second from there as from its step 0, and so on. Throws
/// ValueError unless there is one schedule more than milestones, which ascend.
FORNAX_API Schedule sequential(std::vector<Schedule> schedules, std::vector<std::int64_t> milestones);

/// Sets an optimizer's rates by a schedule: those of step 0 at once. The optimizer must outlive it.
class FORNAX_API Scheduler {
 public:
  /// Throws ValueError if the schedule sets a momentum and the optimizer has none, and what the schedule
  /// throws. Groups that are added to the optimizer later keep their rates.
  Scheduler(Optimizer& optimizer, Schedule schedule);

  /// Goes on to the next step's rates. Throws what the schedule throws.
  void step();
  /// Steps taken.
  std::int64_t step_count() const { return step_; }

  /// The step and each group's first rate.
  State state() const;
  /// Goes on where another one stopped. Throws ValueError for the state of another number of groups; then
  /// nothing was changed.
  void load_state(const State& state);

 private:
  void apply();

  Optimizer& optimizer_;
  Schedule schedule_;
  std::vector<double> base_lrs_;
  std::int64_t step_ = 0;
};

}  // namespace fornax::optim
