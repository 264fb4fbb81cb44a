#pragma once

#include <cstddef>
#include <vector>

#include "sim/memory.h"
#include "sim/stream.h"

namespace fornax::sim {

// Pinned memory. While a copy is pending of which the host does not know that it is done, the host cannot
// write what is copied from, nor touch what is copied to. The simulator itself reaches the memory through a
// second mapping.

void* new_pinned(std::size_t bytes);
bool free_pinned(void* data);
/// Declares memory of the user's pinned. It is not guarded.
bool register_pinned(void* data, std::size_t bytes);
bool unregister_pinned(void* data);

bool is_pinned(const void* address);
/// The address by which the simulator accesses pinned memory; other addresses stay as they are.
void* unguarded(const void* address);

/// The operation reads or writes the memory: guards its pages.
void guard_pinned(const OperationPtr& operation, const void* data, std::size_t bytes, Access access);
/// Ends the guards of operations that the host knows to be done.
void release_pinned_guards();
/// True if the host must not touch the address now.
bool is_guarded(const void* address);

void add_pinned_allocations(std::vector<Allocation>& allocations);

/// While a host function of a stream runs: it may touch the memory of the copies before it, and no device
/// memory.
class HostFunctionScope {
 public:
  explicit HostFunctionScope(const Operation& operation);
  ~HostFunctionScope();
  HostFunctionScope(const HostFunctionScope&) = delete;
  HostFunctionScope& operator=(const HostFunctionScope&) = delete;

 private:
  DeviceMemoryClosed closed_;
};

}  // namespace fornax::sim
