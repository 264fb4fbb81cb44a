#pragma once

#include <cstddef>

#include "fornax/base/export.h"

/// The caching allocator of host memory. Freed blocks are kept by size class and handed out again, because
/// giving large activations back to the kernel costs more in page faults than the arithmetic on them.
namespace fornax {

/// Small blocks (up to 32 KiB) of other threads are counted in shares of 64 KiB, so they may be missing or
/// too many by that.
struct HostMemoryStats {
  std::size_t in_use = 0;       ///< bytes handed out now, rounded up to size classes
  std::size_t peak_in_use = 0;  ///< highest in_use since start or reset_peak_host_memory
  std::size_t reserved = 0;     ///< bytes held from the operating system: in use and cached
  std::size_t hits = 0;         ///< allocations served from the cache
  std::size_t misses = 0;       ///< allocations that asked the operating system
};

/// 64-byte aligned, not initialised; never null, also for 0 bytes. Throws OutOfMemory, after having given
/// cached blocks back to the operating system. Thread-safe.
FORNAX_API void* allocate_host(std::size_t bytes);
/// `bytes` as given to allocate_host. Thread-safe.
FORNAX_API void free_host(void* data, std::size_t bytes) noexcept;
FORNAX_API HostMemoryStats host_memory_stats();
FORNAX_API void reset_peak_host_memory();
/// Bytes that can still be handed out: what is cached here, and what the system says is available without
/// swapping, also to the process's control group (cgroup v2). 0 where it does not say.
FORNAX_API std::size_t available_host_memory();
/// Gives cached blocks back to the operating system: all but the small ones (up to 32 KiB) that other threads
/// keep at hand, at most 64 of a size class and thread.
FORNAX_API void empty_host_cache();

}  // namespace fornax
