#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/device_state.h"

namespace fornax::cuda {

/// The memory of a graph's work: blocks keep their addresses as long as the graph, or a tensor in one of
/// them, lives. While the work is recorded, what a stream frees is handed out to the same stream again.
class GraphMemory {
 public:
  explicit GraphMemory(int device) : state_(use_device(device)) {}
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

  /// For work recorded of `stream`. Throws OutOfMemory.
  void* allocate(std::size_t bytes, cudaStream_t stream);
  /// False if the block is not of here.
  bool free(void* data, cudaStream_t stream) noexcept;
  /// The work is recorded: `stream`, which runs it, waits until all blocks are there, and none is handed out
  /// again.
  void close(cudaStream_t stream);
  int device() const { return state_.index; }

 private:
  DeviceState& state_;
  std::mutex mutex_;
  bool is_open_ = true;
  std::unordered_map<void*, std::size_t> sizes_;
  std::map<std::pair<cudaStream_t, std::size_t>, std::vector<void*>> free_;
};

/// Of the work that this thread records on this thread's device; null while it records none.
const std::shared_ptr<GraphMemory>& recorded_memory();

/// Makes `memory` that of this thread's recording while alive.
class GraphMemoryScope {
 public:
  explicit GraphMemoryScope(std::shared_ptr<GraphMemory> memory);
  ~GraphMemoryScope();
  GraphMemoryScope(const GraphMemoryScope&) = delete;
  GraphMemoryScope& operator=(const GraphMemoryScope&) = delete;
};

}  // namespace fornax::cuda
