#include "fornax/optim/sgd.h"

#include <fmt/core.h>

#include <functional>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax::optim {

SGD::SGD(const std::vector<Group>& groups)
    : Optimizer(std::vector<Memory>{{.name = "momentum_buffer", .optional = true}}) {
  for (const Group& group : groups) add_group(group);
}

void SGD::add_group(const Group& group) {
  const SGDOptions& o = group.options;
  if (!(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0))
    throw ValueError("SGD", fmt::format("expected rates of 0 or more, got lr={} momentum={} weight_decay={}",
                                        o.lr, o.momentum, o.weight_decay));
  if (o.nesterov && !(o.momentum > 0 && o.dampening == 0))
    throw ValueError("SGD", fmt::format("expected momentum and no dampening for Nesterov, got momentum={} "
                                        "dampening={}",
                                        o.momentum, o.dampening));
  append_group(group.parameters);
  options_.push_back(o);
}

void SGD::update(const Tensor& found_inf) {
  // What may lack memory comes first, while nothing has changed.
  std::vector<std::vector<SgdEntry>> updates(group_count());
  std::vector<std::vector<std::size_t>> updated(group_count());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const Tensor grad = entry.parameter.grad();
    if (!grad.defined()) continue;
    Tensor buffer = entry.buffers[0];
    const bool first = options_[entry.group].momentum != 0 && !buffer.defined();
    if (first) {
      check_may_start(entry);
      // Where the device counts steps it is set in the first of all; momentum that came later starts from 0.
      buffer = found_inf.defined() ? zeros_like(entry.parameter) : empty_like(entry.parameter);
    }
    updates[entry.group].push_back({entry.parameter, grad, std::move(buffer), first, entry.device_steps});
    updated[entry.group].push_back(i);
  }
  for_each_group([&](std::size_t group) {
    std::function<SgdRates()> next;
    if (auto later = later_runs(updated[group])) {
      next = [this, group, later = std::move(later)] {
        later();
        return rates(group);
      };
    }
    sgd_step(updates[group], rates(group), std::move(next), found_inf);
    for (std::size_t i = 0; i < updates[group].size(); ++i) {
      Entry& entry = entries_[updated[group][i]];
      entry.buffers[0] = updates[group][i].momentum_buffer;
      count_step(entry);
    }
    return !updates[group].empty();
  });
}

SgdRates SGD::rates(std::size_t group) const {
  const SGDOptions& o = options_[group];
  return {o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov};
}

SGDOptions& SGD::options(std::size_t group) {
  check_group(group);
  return options_[group];
}

std::vector<SGD::Number> SGD::numbers(std::size_t group) {
  SGDOptions& o = options_[group];
  return {{"lr", &o.lr},
          {"momentum", &o.momentum},
          {"dampening", &o.dampening},
          {"weight_decay", &o.weight_decay}};
}

}  // namespace fornax::optim
