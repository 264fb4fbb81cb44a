#pragma once

#include <cstddef>
#include <map>

#include "fornax/base/export.h"
#include "fornax/device/stream.h"

/// Memory of CUDA devices and page-locked host memory. Tensors on a device come from its stream-ordered pool
/// (cudaMallocAsync): freed blocks stay in the pool and are handed out again in the order of their streams.
/// All functions throw DeviceError in a build without CUDA or for a device that does not exist.
namespace fornax::cuda {

/// In bytes.
struct MemoryStats {
  std::size_t in_use = 0;       ///< handed out now
  std::size_t peak_in_use = 0;  ///< highest in_use since start or reset_peak_memory
  std::size_t reserved = 0;     ///< held from the device: in use and kept for reuse
  std::size_t peak_reserved = 0;
};

FORNAX_API MemoryStats memory_stats(Device device);
/// Bytes in use by the stream on which they were allocated. Does not wait for the device.
FORNAX_API std::map<void*, std::size_t> memory_by_stream(Device device);
FORNAX_API void reset_peak_memory(Device device);
/// Bytes that can still be handed out: what the device has free, and what the pool keeps.
FORNAX_API std::size_t available_memory(Device device);
/// Gives what the pool keeps back to the device. Waits for the device.
FORNAX_API void empty_cache(Device device);
/// The pool gives memory beyond `bytes` back at each synchronisation; the default keeps all of it.
FORNAX_API void set_release_threshold(Device device, std::size_t bytes);

}  // namespace fornax::cuda
