#include "fornax/optim/sgd.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/optim_step.h"

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

void SGD::step() {
  for (std::size_t group = 0; group < group_count(); ++group) {
    const SGDOptions& o = options_[group];
    std::vector<SgdEntry> updates;
    for (Entry& entry : entries_) {
      const Tensor grad = entry.group == group ? entry.parameter.grad() : Tensor();
      if (!grad.defined()) continue;
      const bool first = o.momentum != 0 && !entry.buffers[0].defined();
      if (first) entry.buffers[0] = empty_like(entry.parameter);
      updates.push_back({entry.parameter, grad, entry.buffers[0], first});
      ++entry.steps;
    }
    sgd_step(updates, {o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov});
  }
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
