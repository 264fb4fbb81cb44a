#include "fornax/optim/optimizer.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "device/capture.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax::optim {
namespace {

constexpr std::size_t lr_index = 0, momentum_index = 1;

std::string parameter_key(std::string_view parameter, std::string_view what) {
  return fmt::format("parameters.{}.{}", parameter, what);
}
std::string group_key(std::size_t group, std::string_view what) {
  return fmt::format("groups.{}.{}", group, what);
}

}  // namespace

void Optimizer::append_group(const State& parameters) {
  std::vector<Entry> entries = entries_;
  for (const auto& [name, tensor] : parameters) {
    for (const Entry& other : entries)
      if (other.name == name || other.parameter.is(tensor))
        throw ValueError("optimizer", fmt::format("expected each parameter once, got '{}' again", name));
    if (!is_floating(tensor.dtype()))
      throw DTypeError("optimizer",
                       fmt::format("expected floating parameters, got '{}' {}", name, describe(tensor)));
    if (!tensor.is_leaf())
      throw ValueError("optimizer", fmt::format("expected leaves, got '{}', the result of an op", name));
    entries.push_back({.name = name,
                       .parameter = tensor,
                       .group = group_count_,
                       .buffers = std::vector<Tensor>(memories_.size())});
  }
  entries_ = std::move(entries);
  ++group_count_;
}

void Optimizer::step(const Tensor& found_inf) {
  const bool was_counted =
      std::ranges::any_of(entries_, [](const Entry& e) { return e.device_steps.defined(); });
  if (!found_inf.defined() && !was_counted) return update({});
  Device device;  // of the parameters
  for (Entry& entry : entries_) {
    if (!entry.parameter.grad().defined()) continue;
    device = entry.parameter.device();
    if (entry.device_steps.defined()) continue;
    check_may_start(entry);
    entry.device_steps = full({}, entry.steps, {.dtype = i64, .device = device});
  }
  update(found_inf.defined() ? found_inf : zeros({}, {.device = device}));
}

State Optimizer::numbered(const std::vector<Tensor>& parameters) {
  State named;
  for (std::size_t i = 0; i < parameters.size(); ++i) named.add(std::to_string(i), parameters[i]);
  return named;
}

void Optimizer::for_each_group(const std::function<bool(std::size_t)>& update) const {
  std::size_t updated = 0;
  try {
    for (std::size_t group = 0; group < group_count_; ++group) updated += update(group);
  } catch (const DeviceLost&) {
    throw;  // the parameters are lost, too
  } catch (const Error& error) {
    const bool by_device = dynamic_cast<const CudaError*>(&error) != nullptr ||
                           dynamic_cast<const OutOfMemory*>(&error) != nullptr;
    if (updated == 0 || !by_device) throw;
    throw CudaError("optimizer", fmt::format("expected to update all groups, got {} of them and then {}; the "
                                             "step was partly applied",
                                             updated, error.what()));
  }
}

void Optimizer::check_may_start(const Entry& entry) {
  if (current_capture())
    throw ValueError(
        "optimizer",
        fmt::format("expected a step before the one that is captured, got none of '{}'", entry.name));
}

std::function<void()> Optimizer::later_runs(const std::vector<std::size_t>& updated) {
  if (!current_capture()) return {};
  std::vector<std::pair<std::size_t, Entry>> captured;
  captured.reserve(updated.size());
  for (const std::size_t i : updated) captured.emplace_back(i, entries_[i]);
  return [this, captured = std::move(captured)] {
    for (const auto& [i, before] : captured) {
      Entry& entry = entries_[i];
      if (!entry.device_steps.is(before.device_steps) ||
          !std::ranges::equal(before.buffers, entry.buffers,
                              [](const Tensor& a, const Tensor& b) { return a.is(b); }))
        throw ValueError("optimizer",
                         fmt::format("expected '{}' to have the state that was captured, got one that "
                                     "load_state() made: load states before the first run",
                                     entry.name));
      count_step(entry);
    }
  };
}

void Optimizer::zero_grad() {
  for (Entry& entry : entries_)
    if (entry.parameter.grad().defined()) entry.parameter.set_grad({});
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> all;
  for (const Entry& entry : entries_) all.push_back(entry.parameter);
  return all;
}

void Optimizer::check_group(std::size_t group) const {
  if (group >= group_count_)
    throw IndexError("optimizer", fmt::format("expected a group below {}, got {}", group_count_, group));
}

double& Optimizer::number(std::size_t group, std::size_t index) {
  check_group(group);
  return *numbers(group)[index].value;
}
const double& Optimizer::number(std::size_t group, std::size_t index) const {
  return const_cast<Optimizer*>(this)->number(group, index);  // which only looks it up
}

double Optimizer::lr(std::size_t group) const { return number(group, lr_index); }
void Optimizer::set_lr(std::size_t group, double lr) { number(group, lr_index) = lr; }
void Optimizer::set_lr(double lr) {
  for (std::size_t group = 0; group < group_count_; ++group) set_lr(group, lr);
}

std::optional<double> Optimizer::momentum(std::size_t group) const {
  const double momentum = number(group, momentum_index);
  return momentum == 0 ? std::nullopt : std::optional(momentum);
}
void Optimizer::set_momentum(std::size_t group, double momentum) {
  if (!this->momentum(group))
    throw ValueError("optimizer", fmt::format("expected momentum in group {}, got none to set", group));
  number(group, momentum_index) = momentum;
}

State Optimizer::state() const {
  State state;
  for (const Entry& entry : entries_) {
    const std::int64_t steps =
        entry.device_steps.defined() ? static_cast<std::int64_t>(entry.device_steps.item()) : entry.steps;
    if (steps == 0) continue;
    state.add_int(parameter_key(entry.name, "step"), steps);
    for (std::size_t i = 0; i < memories_.size(); ++i)
      if (entry.buffers[i].defined())
        state.add(parameter_key(entry.name, memories_[i].name), entry.buffers[i]);
  }
  for (std::size_t group = 0; group < group_count_; ++group)
    for (const Number& number : const_cast<Optimizer*>(this)->numbers(group))
      state.add_double(group_key(group, number.name), *number.value);
  return state;
}

void Optimizer::load_state(const State& state) {
  std::set<std::string, std::less<>> unexpected;
  for (const auto& [name, tensor] : state) unexpected.insert(name);

  std::vector<Entry> entries = entries_;
  for (Entry& entry : entries) {
    const std::string step = parameter_key(entry.name, "step");
    const bool stepped = unexpected.erase(step);
    entry.steps = stepped ? state.int_at(step) : 0;
    entry.device_steps = {};
    if (stepped && entry.steps < 1)
      throw ValueError("optimizer", fmt::format("expected '{}' of 1 or more, got {}", step, entry.steps));
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      const std::string name = parameter_key(entry.name, memories_[i].name);
      entry.buffers[i] = {};
      if (!stepped || (memories_[i].optional && !state.contains(name))) continue;
      unexpected.erase(name);
      const Tensor& saved = state.at(name);
      if (saved.shape() != entry.parameter.shape() || !is_floating(saved.dtype()))
        throw ValueError("optimizer", fmt::format("expected '{}' to fit {}, got {}", name,
                                                  describe(entry.parameter), describe(saved)));
      entry.buffers[i] = empty_like(entry.parameter, saved.dtype());
      const NoGrad no_grad;
      entry.buffers[i].copy_(saved);
    }
  }
  std::vector<std::pair<double*, double>> values;
  for (std::size_t group = 0; group < group_count_; ++group)
    for (const Number& number : numbers(group)) {
      const std::string name = group_key(group, number.name);
      unexpected.erase(name);
      values.emplace_back(number.value, state.double_at(name));
    }
  if (!unexpected.empty())
    throw ValueError("optimizer",
                     fmt::format("expected the state of these parameters and groups, got '{}' and {} "
                                 "more that are not theirs",
                                 *unexpected.begin(), unexpected.size() - 1));
  entries_ = std::move(entries);
  for (const auto& [to, value] : values) *to = value;
}

}  // namespace fornax::optim
