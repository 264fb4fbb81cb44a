#include "fornax/optim/schedule.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fornax/base/error.h"

namespace fornax::optim {
namespace {

void require_positive(std::string_view schedule, std::string_view option, std::int64_t value) {
  if (value < 1) throw ValueError(schedule, fmt::format("expected {} of 1 or more, got {}", option, value));
}

/// `from` at 0, `to` at 1.
double anneal(OneCycleLR::Anneal strategy, double from, double to, double at) {
  if (strategy == OneCycleLR::Anneal::linear) return from + (to - from) * at;
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * at));
}

}  // namespace

Rates StepLR::operator()(std::int64_t step, double base_lr) const {
  require_positive("step_lr", "step_size", step_size);
  return {base_lr * std::pow(gamma, step / step_size)};
}

Rates CosineAnnealingLR::operator()(std::int64_t step, double base_lr) const {
  require_positive("cosine_annealing_lr", "T_max", T_max);
  const double turn = std::numbers::pi * static_cast<double>(step) / static_cast<double>(T_max);
  return {eta_min + (base_lr - eta_min) * (1 + std::cos(turn)) / 2};
}

Rates LinearLR::operator()(std::int64_t step, double base_lr) const {
  require_positive("linear_lr", "total_iters", total_iters);
  const double at = std::min(1.0, static_cast<double>(step) / static_cast<double>(total_iters));
  return {base_lr * (start_factor + (end_factor - start_factor) * at)};
}

Rates OneCycleLR::operator()(std::int64_t step, double base_lr) const {
  require_positive("one_cycle_lr", "total_steps", total_steps);
  if (!(pct_start >= 0 && pct_start <= 1))
    throw ValueError("one_cycle_lr", fmt::format("expected pct_start from 0 to 1, got {}", pct_start));
  const double steps = static_cast<double>(total_steps), now = std::min(static_cast<double>(step), steps - 1);
  const double peak = max_lr.value_or(base_lr), first = peak / div_factor, last = first / final_div_factor;
  struct Phase {
    double end, lr_from, lr_to, momentum_from, momentum_to;
  };
  std::vector<Phase> phases{{pct_start * steps - 1, first, peak, max_momentum, base_momentum}};
  if (three_phase) {
    phases.push_back({2 * pct_start * steps - 2, peak, first, base_momentum, max_momentum});
    phases.push_back({steps - 1, first, last, max_momentum, max_momentum});
  } else {
    phases.push_back({steps - 1, peak, last, base_momentum, max_momentum});
  }
  double start = 0;
  auto phase = phases.begin();
  for (; phase + 1 != phases.end() && now > phase->end; ++phase) start = phase->end;
  const double length = phase->end - start, at = length > 0 ? (now - start) / length : 1;
  Rates rates{anneal(anneal_strategy, phase->lr_from, phase->lr_to, at)};
  if (cycle_momentum) rates.momentum = anneal(anneal_strategy, phase->momentum_from, phase->momentum_to, at);
  return rates;
}

Schedule sequential(std::vector<Schedule> schedules, std::vector<std::int64_t> milestones) {
  if (schedules.size() != milestones.size() + 1)
    throw ValueError("sequential", fmt::format("expected a schedule more than milestones, got {} and {}",
                                               schedules.size(), milestones.size()));
  if (const auto out = std::ranges::is_sorted_until(milestones); out != milestones.end())
    throw ValueError("sequential",
                     fmt::format("expected milestones that ascend, got {} after {}", *out, *(out - 1)));
  return [schedules = std::move(schedules), milestones = std::move(milestones)](std::int64_t step,
                                                                                double base_lr) {
    const auto passed = std::ranges::upper_bound(milestones, step) - milestones.begin();
    const auto index = static_cast<std::size_t>(passed);
    return schedules[index](index == 0 ? step : step - milestones[index - 1], base_lr);
  };
}

Scheduler::Scheduler(Optimizer& optimizer, Schedule schedule)
    : optimizer_(optimizer), schedule_(std::move(schedule)) {
  for (std::size_t group = 0; group < optimizer.group_count(); ++group)
    base_lrs_.push_back(optimizer.lr(group));
  apply();
}

void Scheduler::apply() {
  for (std::size_t group = 0; group < base_lrs_.size(); ++group) {
    const Rates rates = schedule_(step_, base_lrs_[group]);
    optimizer_.set_lr(group, rates.lr);
    if (rates.momentum) optimizer_.set_momentum(group, *rates.momentum);
  }
}

void Scheduler::step() {
  ++step_;
  apply();
}

State Scheduler::state() const {
  State state;
  state.add_int("step", step_);
  for (std::size_t group = 0; group < base_lrs_.size(); ++group)
    state.add_double(fmt::format("base_lr.{}", group), base_lrs_[group]);
  return state;
}

void Scheduler::load_state(const State& state) {
  if (state.size() != base_lrs_.size() + 1)
    throw ValueError("scheduler", fmt::format("expected the state of {} groups, got {} entries",
                                              base_lrs_.size(), state.size()));
  std::vector<double> base_lrs;
  for (std::size_t group = 0; group < base_lrs_.size(); ++group)
    base_lrs.push_back(state.double_at(fmt::format("base_lr.{}", group)));
  step_ = state.int_at("step");
  base_lrs_ = std::move(base_lrs);
  apply();
}

}  // namespace fornax::optim
