#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "sim/simulator.h"

namespace fornax::sim {

// Device memory: address space reserved once, in which each device has a span. The host cannot touch it but
// while an operation runs.

inline constexpr int max_devices = 4;
inline constexpr std::size_t span_bytes = std::size_t{8} << 30;  // address space of a device

int device_count();
int& current_device();  // of this thread

/// The operations on device memory that are under way keep one of these.
class DeviceMemoryOpen {
 public:
  DeviceMemoryOpen();
  ~DeviceMemoryOpen();
  DeviceMemoryOpen(const DeviceMemoryOpen&) = delete;
  DeviceMemoryOpen& operator=(const DeviceMemoryOpen&) = delete;
};
/// The contrary, for code of the user's that runs meanwhile.
class DeviceMemoryClosed {
 public:
  DeviceMemoryClosed();
  ~DeviceMemoryClosed();
  DeviceMemoryClosed(const DeviceMemoryClosed&) = delete;
  DeviceMemoryClosed& operator=(const DeviceMemoryClosed&) = delete;

 private:
  int was_open_;
};

/// The first address of all devices' memory; null before it is first needed.
extern constinit char* device_memory_base;
inline bool is_device_memory(const void* address) {
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(address) - device_memory_base);
  return device_memory_base && offset < span_bytes * max_devices;
}
inline int device_of(const void* device_address) {
  return static_cast<int>(
      static_cast<std::size_t>(static_cast<const char*>(device_address) - device_memory_base) / span_bytes);
}

struct Block {
  char* data = nullptr;
  std::size_t bytes = 0;
  std::size_t number = 0;  // the how manieth allocation
  int device = 0;
  bool is_pooled = false;                    // of cudaMallocAsync
  bool is_freeing = false;                   // the host has freed it
  bool has_begun = false, is_freed = false;  // on the device
  bool is_of_graph = false;                  // keeps its place until its graph is gone
};

// Memory is accounted for when the host allocates and frees, as a pool can hand a freed block to the next
// allocation in its stream at once. Its bytes come and go in the order of the streams.

/// Finds a place; null if memory or the limit is exhausted.
Block* new_block(int device, std::size_t bytes, bool pooled);
/// The block becomes usable by operations, filled with poison.
void begin_block(char* data, std::size_t number);
/// The host has freed the block.
void give_back(Block& block);
/// No operation may touch the block any more (but, of a graph, in the next launch).
void end_block(Block& block);
/// The graph of this block is gone: gives it back if the graph frees it, else it becomes the user's.
void leave_graph(Block& block);
/// The block that begins at `address`, if the host has not freed it; else null.
Block* live_block_at(const void* address);
/// The block that holds `address`, freed or not; else null.
Block* block_around(const void* address);

/// What the pool of a device and the device itself account for.
struct MemoryUse {
  std::size_t pool_used = 0, pool_used_high = 0, pool_reserved = 0, pool_reserved_high = 0;
  std::uint64_t release_threshold = 0;
  std::size_t unpooled = 0;
};
MemoryUse& memory_use(int device);
std::size_t memory_limit();
/// What a synchronisation does: the pool gives back what it holds beyond its threshold.
void release_beyond_threshold(int device);

/// Reports what was written past the end of blocks.
void check_guard_zones();

void restore_memory_limit();

/// Installs the handler that says which rule a stray access broke. Once.
void explain_faults();

}  // namespace fornax::sim
