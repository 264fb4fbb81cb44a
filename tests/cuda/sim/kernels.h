#pragma once

#include <cuda_runtime.h>

#include <cstdint>

/// Kernels that the tests of the simulated device launch: good ones, and some with one bug each.
namespace fornax::cuda::test {

void add(const float* a, const float* b, float* sum, int count, int blocks, cudaStream_t stream);
/// Sums each row of `columns` elements, by one block of 128 threads.
void sum_rows(const float* in, float* out, int rows, int columns, cudaStream_t stream);
/// Transposes by tiles in shared memory.
void transpose(const float* in, float* out, int rows, int columns, cudaStream_t stream);
/// Counts by atomics; the block's counters are dynamic shared memory.
void histogram(const std::uint8_t* in, unsigned* bins, int count, cudaStream_t stream);
/// Out gets, for each thread of a block of 64: results of shuffles, votes and coordinates.
inline constexpr int warp_results = 12;
void warp_words(int* out, cudaStream_t stream);

enum class Bug {
  missing_barrier,
  divergent_barrier,
  two_barriers,
  shared_out_of_bounds,
  dynamic_shared_out_of_bounds,
  global_out_of_bounds,
  uninitialised_shared,
  uninitialised_global,
  divergent_shuffle,
  shuffle_outside_mask,
  lane_not_in_mask,
  two_blocks_write,
  atomic_and_plain,
  half_words,
  reads_and_overwrites,
  race_in_shared_helper,
  missing_syncwarp,
  with_syncwarp,  // the control of the one before
  misaligned,
  too_many_threads,
  too_much_shared,
  endless_recursion,
  uses_pointer  // good, if `in` and `out` are 1,024 floats of device memory
};
/// One launch over 1,024 floats that has this bug.
void launch_with(Bug bug, const float* in, float* out, cudaStream_t stream);

}  // namespace fornax::cuda::test
