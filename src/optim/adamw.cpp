#include "fornax/optim/adamw.h"

#include <fmt/core.h>

#include <functional>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax::optim {

AdamW::AdamW(const std::vector<Group>& groups)
    : Optimizer(std::vector<Memory>{{.name = "exp_avg"}, {.name = "exp_avg_sq"}}) {
  for (const Group& group : groups) add_group(group);
}

void AdamW::add_group(const Group& group) {
  const AdamWOptions& o = group.options;
  const auto is_beta = [](double beta) { return beta >= 0 && beta < 1; };
  if (!(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0 && is_beta(o.beta1) && is_beta(o.beta2)))
    throw ValueError("AdamW",
                     fmt::format("expected lr, eps and weight_decay of 0 or more and betas in [0, 1), got "
                                 "lr={} eps={} weight_decay={} beta1={} beta2={}",
                                 o.lr, o.eps, o.weight_decay, o.beta1, o.beta2));
  append_group(group.parameters);
  options_.push_back(o);
}

void AdamW::update(const Tensor& found_inf) {
  // What may lack memory comes first, while nothing has changed.
  std::vector<std::vector<AdamWEntry>> updates(group_count());
  std::vector<std::vector<std::size_t>> updated(group_count());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const Tensor grad = entry.parameter.grad();
    if (!grad.defined()) continue;
    for (Tensor& moment : entry.buffers) {
      if (moment.defined()) continue;
      check_may_start(entry);
      moment = zeros_like(entry.parameter);
    }
    updates[entry.group].push_back(
        {entry.parameter, grad, entry.buffers[0], entry.buffers[1], entry.steps + 1, entry.device_steps});
    updated[entry.group].push_back(i);
  }
  for_each_group([&](std::size_t group) {
    std::function<AdamWRates()> next;
    if (auto later = later_runs(updated[group])) {
      next = [this, group, later = std::move(later)] {
        later();
        return rates(group);
      };
    }
    adamw_step(updates[group], rates(group), std::move(next), found_inf);
    for (const std::size_t i : updated[group]) count_step(entries_[i]);
    return !updates[group].empty();
  });
}

AdamWRates AdamW::rates(std::size_t group) const {
  const AdamWOptions& o = options_[group];
  return {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay};
}

AdamWOptions& AdamW::options(std::size_t group) {
  check_group(group);
  return options_[group];
}

std::vector<AdamW::Number> AdamW::numbers(std::size_t group) {
  AdamWOptions& o = options_[group];
  return {{"lr", &o.lr},
          {"beta1", &o.beta1},
          {"beta2", &o.beta2},
          {"eps", &o.eps},
          {"weight_decay", &o.weight_decay}};
}

}  // namespace fornax::optim
