#pragma once

#include <cstddef>

namespace fornax::sim {

// What the simulated device is: small, of compute capability 8.0.
inline constexpr int multiprocessors = 4;
inline constexpr unsigned max_threads_of_block = 1024;
inline constexpr unsigned max_block_x = 1024, max_block_y = 1024, max_block_z = 64;
inline constexpr unsigned max_grid_x = 2147483647, max_grid_yz = 65535;
inline constexpr int max_threads_of_multiprocessor = 2048, max_blocks_of_multiprocessor = 32;
inline constexpr std::size_t shared_bytes_of_block = 48 << 10;          // of every kernel
inline constexpr std::size_t shared_bytes_of_block_opt_in = 163 << 10;  // of kernels that ask for it
inline constexpr std::size_t shared_bytes_of_multiprocessor = 164 << 10;

/// Remembers that the kernel may have this much dynamic shared memory.
void allow_dynamic_shared(const void* kernel, std::size_t bytes);

}  // namespace fornax::sim
