#pragma once

#include <cstddef>

#include "sim/simulator.h"

namespace fornax::sim {

// What is remembered of each byte that a kernel can reach: who wrote it last, and who read it. Without
// FORNAX_SIM_TRACKED nothing is.

#if defined(FORNAX_SIM_TRACKED)
/// Device memory becomes a block, never written, by the running operation.
void shadow_begin(const char* data, std::size_t bytes);
void shadow_end(const char* data, std::size_t bytes);
void shadow_guard(const char* data, std::size_t bytes);
/// The running operation as a whole accesses device memory.
void shadow_access(const void* data, std::size_t bytes, Access access);
/// Of a block's shared memory, by its offset: becomes a variable; all of it becomes nothing.
void shadow_begin_shared(std::size_t offset, std::size_t bytes);
void shadow_clear_shared(std::size_t bytes);
#else
inline void shadow_begin(const char*, std::size_t) {}
inline void shadow_end(const char*, std::size_t) {}
inline void shadow_guard(const char*, std::size_t) {}
inline void shadow_access(const void*, std::size_t, Access) {}
inline void shadow_begin_shared(std::size_t, std::size_t) {}
inline void shadow_clear_shared(std::size_t) {}
#endif

}  // namespace fornax::sim
