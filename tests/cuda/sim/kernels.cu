#include "cuda/sim/kernels.h"

#include "cuda/sim/shared_helper.h"
#include "device/cuda.cuh"
#include "device/pack.cuh"
#include "device/reduce.cuh"

namespace fornax::cuda::test {
namespace {

__global__ void add_kernel(const float* a, const float* b, float* sum, int count) {
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += step)
    sum[i] = a[i] + b[i];
}

__global__ void sum_rows_kernel(const float* in, float* out, int columns) {
  const float* const row = in + static_cast<std::int64_t>(blockIdx.x) * columns;
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += static_cast<int>(blockDim.x)) sum += row[i];
  sum = block_reduce(sum, 0.0f, Sum{});
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}

constexpr int tile = 16;
__global__ void transpose_kernel(const float* in, float* out, int rows, int columns) {
  FORNAX_SHARED(float, part, [tile][tile + 1]);
  const unsigned x = threadIdx.x, y = threadIdx.y;
  int row = static_cast<int>(blockIdx.y * tile + y), column = static_cast<int>(blockIdx.x * tile + x);
  if (row < rows && column < columns) part[y][x] = in[row * columns + column];
  __syncthreads();
  row = static_cast<int>(blockIdx.x * tile + y);
  column = static_cast<int>(blockIdx.y * tile + x);
  if (row < columns && column < rows) out[row * rows + column] = part[x][y];
}

__global__ void histogram_kernel(const std::uint8_t* in, unsigned* bins, int count) {
  FORNAX_DYNAMIC_SHARED(unsigned, own);
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) own[i] = 0;
  __syncthreads();
  const int step = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += step)
    atomicAdd(&own[in[i]], 1u);
  __syncthreads();
  for (unsigned i = threadIdx.x; i < 256; i += blockDim.x) atomicAdd(&bins[i], own[i]);
}

__global__ void warp_words_kernel(int* out) {
  const int thread = static_cast<int>(threadIdx.x + threadIdx.y * blockDim.x), lane = thread % 32;
  int* const mine = out + thread * warp_results;
  mine[0] = __shfl_sync(full_warp, thread, 5);
  mine[1] = __shfl_sync(full_warp, thread, 1, 8);
  mine[2] = __shfl_up_sync(full_warp, thread, 3);
  mine[3] = __shfl_down_sync(full_warp, thread, 2, 16);
  mine[4] = __shfl_xor_sync(full_warp, thread, 6);
  mine[5] = static_cast<int>(__ballot_sync(full_warp, lane % 3 == 0));
  mine[6] = __any_sync(full_warp, thread == 40);
  mine[7] = __all_sync(full_warp, thread < 40);
  mine[8] = __syncthreads_count(lane < 4);
  mine[9] = __syncthreads_or(thread == 63);
  mine[10] = __syncthreads_and(thread != 63);
  mine[11] = lane < 16 ? static_cast<int>(__shfl_xor_sync(0xffffu, static_cast<double>(lane), 1)) : -1;
}

// ---- Bugs

__global__ void missing_barrier(const float* in, float* out) {
  FORNAX_SHARED(float, kept, [256]);
  kept[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] = kept[255 - threadIdx.x];
}
__global__ void divergent_barrier(float* out) {
  if (threadIdx.x < 100) __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void two_barriers(float* out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1;
}
__global__ void shared_out_of_bounds(float* out, unsigned shift) {
  FORNAX_SHARED(float, kept, [64]);
  kept[threadIdx.x + shift] = 1;
  __syncthreads();
  out[threadIdx.x] = threadIdx.x == 0 ? 0 : kept[threadIdx.x];
}
__global__ void dynamic_shared_out_of_bounds(float* out) {
  FORNAX_DYNAMIC_SHARED(float, kept);
  kept[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = kept[threadIdx.x / 2];
}
__global__ void global_out_of_bounds(float* out, unsigned count) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= count) out[i] = 1;
}
__global__ void uninitialised_shared(const float* in, float* out) {
  FORNAX_SHARED(float, kept, [64]);
  if (threadIdx.x < 32) kept[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = kept[threadIdx.x];
}
__global__ void divergent_shuffle(float* out) {
  float value = static_cast<float>(threadIdx.x);
  if (threadIdx.x < 16) value += __shfl_down_sync(full_warp, value, 8);
  out[threadIdx.x] = value;
}
__global__ void shuffle_outside_mask(float* out) {
  float value = static_cast<float>(threadIdx.x);
  if (threadIdx.x < 16) value += __shfl_sync(0xffffu, value, 20);
  out[threadIdx.x] = value;
}
__global__ void lane_not_in_mask(float* out) {
  if (threadIdx.x < 16) __syncwarp(0xffu);
  out[threadIdx.x] = 1;
}
// A race that only the kernels' own copy of the helper sees.
__global__ void race_in_shared_helper(const float* in, float* out) {
  out[threadIdx.x] = in[threadIdx.x];
  out[threadIdx.x] += element_of(out, 63 - static_cast<int>(threadIdx.x));
}
__global__ void two_blocks_write(float* out) { out[threadIdx.x] = static_cast<float>(blockIdx.x); }
__global__ void atomic_and_plain(float* out) {
  auto* const counter = reinterpret_cast<unsigned*>(out);
  if (blockIdx.x == 0 && threadIdx.x == 0) *counter = 0;
  atomicAdd(counter, 1u);
}
__global__ void half_words(const float* in, float* out) {
  auto* const halves = reinterpret_cast<std::uint16_t*>(out);
  halves[threadIdx.x] = static_cast<std::uint16_t>(in[threadIdx.x]);
  if (threadIdx.x % 2 == 0) halves[64 + threadIdx.x] = halves[threadIdx.x + 1];
}
__global__ void reads_and_overwrites(const float* in, float* out) {
  FORNAX_SHARED(float, kept, [64]);
  kept[threadIdx.x] = in[threadIdx.x];
  __syncthreads();
  const float other = kept[(threadIdx.x + 32) % 64];
  kept[threadIdx.x] = other;  // others may not have read yet
  __syncthreads();
  out[threadIdx.x] = kept[threadIdx.x];
}
template <bool synchronised>
__global__ void exchange_in_warp(float* out) {
  FORNAX_SHARED(float, kept, [32]);
  kept[threadIdx.x] = 1;
  if (synchronised) __syncwarp();
  out[threadIdx.x] = kept[(threadIdx.x + 1) % 32];
}
__global__ void misaligned(float* out) {
  const Pack<float, 4> ones{{1, 1, 1, 1}};
  store_pack(out + 1 + 4 * threadIdx.x, ones);
}
__global__ void copy_elements(const float* in, float* out) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  out[i] = in[i];
}
__global__ void too_much_shared(float* out) {
  FORNAX_DYNAMIC_SHARED(float, kept);
  kept[threadIdx.x] = 1;
  out[threadIdx.x] = kept[threadIdx.x];
}
__device__ float recurse(const float* in, float value) {
  volatile float kept[64];
  kept[0] = value + in[0];
  return kept[0] < 1e30f ? recurse(in, kept[0]) + kept[0] : 0;
}
__global__ void endless_recursion(const float* in, float* out) { out[threadIdx.x] = recurse(in, 0); }

}  // namespace

void add(const float* a, const float* b, float* sum, int count, int blocks, cudaStream_t stream) {
  launch(add_kernel, static_cast<unsigned>(blocks), 64, 0, stream, a, b, sum, count);
}
void sum_rows(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  launch(sum_rows_kernel, static_cast<unsigned>(rows), 128, 0, stream, in, out, columns);
}
void transpose(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const auto tiles = [](int count) { return static_cast<unsigned>((count + tile - 1) / tile); };
  launch(transpose_kernel, dim3(tiles(columns), tiles(rows)), dim3(tile, tile), 0, stream, in, out, rows,
         columns);
}
void histogram(const std::uint8_t* in, unsigned* bins, int count, cudaStream_t stream) {
  launch(histogram_kernel, 4, 64, 256 * sizeof(unsigned), stream, in, bins, count);
}
void warp_words(int* out, cudaStream_t stream) { launch(warp_words_kernel, 1, dim3(16, 4), 0, stream, out); }

void launch_with(Bug bug, const float* in, float* out, cudaStream_t stream) {
  switch (bug) {
    case Bug::missing_barrier: return launch(missing_barrier, 1, 256, 0, stream, in, out);
    case Bug::divergent_barrier: return launch(divergent_barrier, 1, 128, 0, stream, out);
    case Bug::two_barriers: return launch(two_barriers, 1, 64, 0, stream, out);
    case Bug::shared_out_of_bounds: return launch(shared_out_of_bounds, 1, 64, 0, stream, out, 1);
    case Bug::dynamic_shared_out_of_bounds:
      return launch(dynamic_shared_out_of_bounds, 1, 64, 63 * sizeof(float), stream, out);
    case Bug::global_out_of_bounds: return launch(global_out_of_bounds, 9, 128, 0, stream, out, 1024);
    case Bug::uninitialised_shared: return launch(uninitialised_shared, 1, 64, 0, stream, in, out);
    case Bug::divergent_shuffle: return launch(divergent_shuffle, 1, 32, 0, stream, out);
    case Bug::shuffle_outside_mask: return launch(shuffle_outside_mask, 1, 32, 0, stream, out);
    case Bug::lane_not_in_mask: return launch(lane_not_in_mask, 1, 32, 0, stream, out);
    case Bug::race_in_shared_helper: return launch(race_in_shared_helper, 1, 64, 0, stream, in, out);
    case Bug::two_blocks_write: return launch(two_blocks_write, 2, 32, 0, stream, out);
    case Bug::half_words: return launch(half_words, 1, 64, 0, stream, in, out);
    case Bug::reads_and_overwrites: return launch(reads_and_overwrites, 1, 64, 0, stream, in, out);
    case Bug::atomic_and_plain: return launch(atomic_and_plain, 2, 32, 0, stream, out);
    case Bug::missing_syncwarp: return launch(exchange_in_warp<false>, 1, 32, 0, stream, out);
    case Bug::with_syncwarp: return launch(exchange_in_warp<true>, 1, 32, 0, stream, out);
    case Bug::misaligned: return launch(misaligned, 1, 32, 0, stream, out);
    case Bug::too_many_threads: return launch(copy_elements, 1, 2048, 0, stream, in, out);
    case Bug::too_much_shared: return launch(too_much_shared, 1, 32, (48 << 10) + 16, stream, out);
    case Bug::endless_recursion: return launch(endless_recursion, 1, 32, 0, stream, in, out);
    case Bug::uninitialised_global:
    case Bug::uses_pointer: return launch(copy_elements, 4, 256, 0, stream, in, out);
  }
}

}  // namespace fornax::cuda::test
