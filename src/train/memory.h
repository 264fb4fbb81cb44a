#pragma once

#include <cstddef>

#include "fornax/cuda/memory.h"
#include "fornax/device/host_memory.h"

/// The memory of any device, in bytes.
namespace fornax::train {

inline std::size_t in_use(Device device) {
  return device.is_cpu() ? host_memory_stats().in_use : cuda::memory_stats(device).in_use;
}
inline std::size_t peak_in_use(Device device) {
  return device.is_cpu() ? host_memory_stats().peak_in_use : cuda::memory_stats(device).peak_in_use;
}
inline std::size_t available(Device device) {
  return device.is_cpu() ? available_host_memory() : cuda::available_memory(device);
}
inline void reset_peak(Device device) {
  device.is_cpu() ? reset_peak_host_memory() : cuda::reset_peak_memory(device);
}

}  // namespace fornax::train
