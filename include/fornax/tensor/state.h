#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

/// Tensors by name, in the order in which they were added: what modules, optimizers, schedules, generators
/// and loaders give and take back, and what a checkpoint file holds. Numbers are 0-d i64 and f64 tensors.
///
/// The tensors are handles: a state that a module gives shares the module's memory. `clone()` makes a
/// snapshot.
class FORNAX_API State {
 public:
  using Entry = std::pair<std::string, Tensor>;

  State() = default;
  State(std::initializer_list<Entry> entries);

  /// Appends an entry. Throws ValueError if the name is taken or the tensor is undefined.
  void add(std::string name, Tensor tensor);
  void add_int(std::string name, std::int64_t value);
  void add_double(std::string name, double value);
  /// Appends all entries of `other`, named `prefix`.`name`. Throws ValueError if a name is taken; then
  /// nothing was added.
  void merge(std::string_view prefix, const State& other);

  /// The tensor of that name, or null.
  const Tensor* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws ValueError if there is no such entry.
  const Tensor& at(std::string_view name) const;
  /// The value of an i64 tensor of one element. Throws ValueError, DTypeError, ShapeError. Waits for the
  /// device.
  std::int64_t int_at(std::string_view name) const;
  /// The value of an f64 tensor of one element. Throws as int_at. Waits for the device.
  double double_at(std::string_view name) const;
  /// The entries named `prefix`.`name`, as `name`: undoes merge().
  State sub(std::string_view prefix) const;
  /// The same names with copies of the tensors, on their devices.
  State clone() const;

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

 private:
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace fornax
