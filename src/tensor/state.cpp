#include "fornax/tensor/state.h"

#include <fmt/core.h>

#include "fornax/base/error.h"

namespace fornax {
namespace {

const Tensor& number_at(const State& state, std::string_view name, DType dtype) {
  const Tensor& tensor = state.at(name);
  if (tensor.dtype() != dtype)
    throw DTypeError("state",
                     fmt::format("expected {} for '{}', got {}", name_of(dtype), name, describe(tensor)));
  return tensor;
}

}  // namespace

State::State(std::initializer_list<Entry> entries) {
  for (const auto& [name, tensor] : entries) add(name, tensor);
}

void State::add(std::string name, Tensor tensor) {
  if (!tensor.defined())
    throw ValueError("state", fmt::format("expected a tensor for '{}', got an undefined one", name));
  if (!index_.emplace(name, entries_.size()).second)
    throw ValueError("state", fmt::format("expected each name once, got '{}' again", name));
  entries_.emplace_back(std::move(name), std::move(tensor));
}

void State::add_int(std::string name, std::int64_t value) {
  add(std::move(name), tensor<std::int64_t>({value}, {}));
}

void State::add_double(std::string name, double value) { add(std::move(name), tensor<double>({value}, {})); }

void State::merge(std::string_view prefix, const State& other) {
  State merged = *this;
  for (const auto& [name, tensor] : other) merged.add(fmt::format("{}.{}", prefix, name), tensor);
  *this = std::move(merged);
}

const Tensor* State::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second].second;
}

const Tensor& State::at(std::string_view name) const {
  const Tensor* tensor = find(name);
  if (!tensor)
    throw ValueError("state", fmt::format("expected an entry '{}', got none among {}", name, size()));
  return *tensor;
}

std::int64_t State::int_at(std::string_view name) const {
  return number_at(*this, name, DType::i64).item<std::int64_t>();
}

double State::double_at(std::string_view name) const {
  return number_at(*this, name, DType::f64).item<double>();
}

State State::sub(std::string_view prefix) const {
  State part;
  for (const auto& [name, tensor] : entries_)
    if (name.size() > prefix.size() && name.starts_with(prefix) && name[prefix.size()] == '.')
      part.add(name.substr(prefix.size() + 1), tensor);
  return part;
}

State State::clone() const {
  State copy;
  for (const auto& [name, tensor] : entries_) copy.add(name, tensor.detach().clone());
  return copy;
}

}  // namespace fornax
