#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fornax/cuda/memory.h"
#include "fornax/cuda/stream.h"
#include "fornax/device/stream.h"

namespace fornax::cuda {

class GraphMemory;

/// What the runtime keeps for one device, from its first use to the end of the process.
struct DeviceState {
  explicit DeviceState(int device);

  const int index;
  std::string model;  // "NVIDIA H100 80GB HBM3"
  int multiprocessors = 0;
  cudaMemPool_t pool = nullptr;
  /// Of a Stream with a null handle.
  cudaStream_t default_stream = nullptr;
  /// Of the memory of graphs; nothing else uses it, so it is never captured.
  cudaStream_t graph_memory_stream = nullptr;

  std::mutex mutex;                                  // of what follows
  std::array<std::vector<cudaStream_t>, 2> streams;  // by StreamPriority, made as they are asked for
  std::array<std::size_t, 2> next_stream{};
  std::vector<cudaEvent_t> free_events, free_timed_events;
  struct Block {
    cudaStream_t stream;
    std::size_t bytes;
    std::shared_ptr<GraphMemory> graph = nullptr;  // of a block that a graph's work allocated
  };
  std::unordered_map<void*, Block> blocks;  // handed out, with the stream on which they were allocated
};

/// Devices that work, counted once; `why_none` (if given) receives the driver's reason when there are none.
int count_devices(std::string* why_none);
/// Throws DeviceError if there is no such device.
DeviceState& device_state(int index);
/// The same, and makes it this thread's CUDA device.
DeviceState& use_device(int index);
/// Throws DeviceLost if this thread's device is lost: of libraries, which only say that they failed.
void fail_if_lost(std::string_view call);
/// The stream behind the value; its device becomes this thread's CUDA device.
cudaStream_t native(Stream stream);

/// Memory in the order of `stream`, which is of this thread's device. Where there is none the pool gives back
/// what it keeps and is asked once more. Throws OutOfMemory.
void* allocate_in_order(std::size_t bytes, cudaStream_t stream);
/// Nobody can be told of a failure: a lost device says so in the next call.
void free_in_order(void* data, cudaStream_t stream) noexcept;

}  // namespace fornax::cuda
