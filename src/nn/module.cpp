#include "fornax/nn/module.h"

#include <cxxabi.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <span>
#include <typeinfo>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/random.h"

namespace fornax::nn {
namespace {

std::string joined(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

/// The first few of a list that may have hundreds.
std::string listed(std::span<const std::string> items) {
  constexpr std::size_t most = 8;
  if (items.size() <= most) return fmt::format("{}", fmt::join(items, ", "));
  return fmt::format("{} and {} more", fmt::join(items.first(most), ", "), items.size() - most);
}

}  // namespace

Parameter::Parameter(Module& owner, std::string name, Tensor value) : Tensor(std::move(value)) {
  if (!defined()) return;
  owner.check_name(name);
  set_requires_grad();
  owner.parameters_.emplace_back(std::move(name), *this);
}

Buffer::Buffer(Module& owner, std::string name, Tensor value) : Tensor(std::move(value)) {
  if (!defined()) return;
  owner.check_name(name);
  owner.buffers_.emplace_back(std::move(name), *this);
}

void Module::check_name(const std::string& name) const {
  const auto is_it = [&](const auto& entry) { return entry.first == name; };
  if (name.empty() || name.find('.') != std::string::npos)
    throw ValueError("module", fmt::format("expected a name without dots, got '{}'", name));
  if (std::ranges::any_of(parameters_, is_it) || std::ranges::any_of(buffers_, is_it) ||
      std::ranges::any_of(children_, is_it))
    throw ValueError("module", fmt::format("expected each name once in a module, got '{}' again", name));
}

void Module::add_child(std::string name, Module& child) {
  check_name(name);
  children_.emplace_back(std::move(name), &child);
}

std::string Module::type_name() const {
  char* demangled = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, nullptr);
  std::string name = demangled ? demangled : typeid(*this).name();
  std::free(demangled);
  name.resize(std::min(name.size(), name.find('<')));
  return name.substr(name.rfind(':') + 1);
}

void Module::visit_tensors(const std::string& prefix, bool parameters, bool buffers,
                           const Visit& visit) const {
  if (parameters)
    for (const auto& [name, tensor] : parameters_) visit(joined(prefix, name), tensor);
  if (buffers)
    for (const auto& [name, tensor] : buffers_) visit(joined(prefix, name), tensor);
  for (const auto& [name, child] : children_)
    child->visit_tensors(joined(prefix, name), parameters, buffers, visit);
}

State Module::named_parameters() const {
  State all;
  visit_tensors("", true, false, [&](const std::string& name, const Tensor& tensor) {
    const bool tied = std::ranges::any_of(all, [&](const auto& entry) { return entry.second.is(tensor); });
    if (!tied) all.add(name, tensor);
  });
  return all;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> all;
  for (const auto& [name, tensor] : named_parameters()) all.push_back(tensor);
  return all;
}

State Module::named_buffers() const {
  State all;
  visit_tensors("", false, true,
                [&](const std::string& name, const Tensor& tensor) { all.add(name, tensor); });
  return all;
}

Module::Named Module::named_modules() {
  Named all{{"", this}};
  for (const auto& [name, child] : children_)
    for (const auto& [below, module] : child->named_modules())
      all.emplace_back(below.empty() ? name : joined(name, below), module);
  return all;
}

Module& Module::apply(const std::function<void(Module&)>& f) {
  for (const auto& [name, child] : children_) child->apply(f);
  f(*this);
  return *this;
}

State Module::state() const {
  State all;
  visit_tensors("", true, true,
                [&](const std::string& name, const Tensor& tensor) { all.add(name, tensor.detach()); });
  return all;
}

LoadReport Module::load_state(const State& state, bool strict) {
  LoadReport report;
  std::vector<std::string> misfits;
  std::vector<std::pair<Tensor, Tensor>> copies;
  const State own = this->state();
  for (const auto& [name, tensor] : own) {
    const Tensor* source = state.find(name);
    if (!source) {
      report.missing.push_back(name);
    } else if (source->shape() != tensor.shape() ||
               is_floating(source->dtype()) != is_floating(tensor.dtype())) {
      report.mismatched.push_back(name);
      misfits.push_back(fmt::format("{}: {} for {}", name, describe(*source), describe(tensor)));
    } else {
      copies.emplace_back(tensor, *source);
    }
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name)) report.unexpected.push_back(name);

  std::string problems;
  const auto complain = [&](std::string_view what, std::span<const std::string> items) {
    if (!items.empty())
      problems += fmt::format("{}{}: {}", problems.empty() ? "" : "; ", what, listed(items));
  };
  complain("missing", report.missing);
  complain("unexpected", report.unexpected);
  complain("of another shape or kind", misfits);
  if (strict && !problems.empty())
    throw ValueError("load_state", fmt::format("expected the state of {}, got {}", type_name(), problems));

  const NoGrad no_grad;
  for (auto& [tensor, source] : copies) tensor.copy_(source);
  return report;
}

std::unique_ptr<Module> Module::make_alike() const {
  throw NotImplemented(
      "clone", fmt::format("expected {} to derive from LayerWith or to override make_alike()", type_name()));
}

std::unique_ptr<Module> Module::clone() const {
  // The initial values that make_alike() draws are overwritten: they must not move the caller's generator on.
  Generator unused;
  const GeneratorGuard guard(unused);
  std::unique_ptr<Module> copy = make_alike();
  std::vector<Tensor> from, to;
  const auto list_in = [](std::vector<Tensor>& into) {
    return [&into](const std::string&, const Tensor& tensor) { into.push_back(tensor); };
  };
  visit_tensors("", true, true, list_in(from));
  copy->visit_tensors("", true, true, list_in(to));
  const Named modules = const_cast<Module*>(this)->named_modules(), copies = copy->named_modules();
  if (from.size() != to.size() || modules.size() != copies.size())
    throw InternalError("clone",
                        fmt::format("expected make_alike() of {} to give the same structure", type_name()));
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i].set_data(from[i].detach().clone()).set_requires_grad(from[i].requires_grad());
  for (std::size_t i = 0; i < modules.size(); ++i) copies[i].second->training_ = modules[i].second->training_;
  return copy;
}

Module& Module::train(bool on) {
  training_ = on;
  for (const auto& [name, child] : children_) child->train(on);
  return *this;
}

void Module::collect_moves(const Placement& placement, std::vector<std::pair<Tensor, Tensor>>& moves) const {
  for (const auto* own : {&parameters_, &buffers_})
    for (const auto& [name, tensor] : *own) {
      Tensor moved = tensor.detach();
      if (placement.device) moved = moved.to(*placement.device);
      if (placement.dtype && is_floating(moved.dtype()))
        moved = moved.to(dtype_when_cast_to(*placement.dtype));
      if (placement.format && moved.rank() == 4) moved = moved.to(*placement.format);
      moves.emplace_back(tensor, std::move(moved));
    }
  for (const auto& [name, child] : children_) child->collect_moves(placement, moves);
}

Module& Module::to(const Placement& placement) {
  std::vector<std::pair<Tensor, Tensor>> moves;  // all are made before the first takes effect
  collect_moves(placement, moves);
  for (auto& [tensor, moved] : moves) tensor.set_data(moved);
  return *this;
}

Module& Module::requires_grad_(bool on) {
  visit_tensors("", true, false,
                [on](const std::string&, const Tensor& tensor) { Tensor(tensor).set_requires_grad(on); });
  return *this;
}

void Module::zero_grad() {
  visit_tensors("", true, false, [](const std::string&, const Tensor& tensor) {
    if (tensor.grad().defined()) Tensor(tensor).set_grad({});
  });
}

}  // namespace fornax::nn
