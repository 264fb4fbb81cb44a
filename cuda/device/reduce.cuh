#pragma once

#include "device/cuda.cuh"

// Reductions over a warp and over a block, in an order that depends on the block's shape only.
namespace fornax::cuda {

inline constexpr unsigned full_warp = 0xffffffffu;

struct Sum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

/// The larger one; a NaN beats all numbers.
struct Max {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

/// The smaller one; a NaN beats all numbers.
struct Min {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

/// Of the 32 lanes (or of each group of `width` adjacent lanes, a power of two), in every lane. All lanes of
/// the warp must call it.
template <int width = 32, class T, class Op>
__device__ inline T warp_reduce(T value, Op op) {
#pragma unroll
  for (int offset = width / 2; offset > 0; offset /= 2)
    value = op(value, __shfl_xor_sync(full_warp, value, offset));
  return value;
}

/// Of all threads of a one-dimensional block, a multiple of 32, in every thread. `neutral` changes nothing
/// under `op`. All threads must call it; it ends with the shared memory free for the next call.
template <class T, class Op>
__device__ inline T block_reduce(T value, T neutral, Op op) {
  FORNAX_SHARED(T, partial, [32]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int warps = static_cast<int>(blockDim.x) / 32;
  value = warp_reduce(value, op);
  if (warps == 1) return value;
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = lane < warps ? partial[lane] : neutral;
  value = warp_reduce(value, op);
  __syncthreads();
  return value;
}

}  // namespace fornax::cuda
