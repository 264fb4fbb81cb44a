#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "device/convert.cuh"
#include "device/loop.cuh"
#include "device/pack.cuh"
#include "device/reduce.cuh"
#include "runtime/launch.h"

// How the threads of a block share rows (what lies along an axis that is reduced): a team of `lanes` threads
// takes one row. A team's size depends on shapes only, and so does the order in which its lanes are merged.
namespace fornax::cuda {

constexpr std::int64_t ceil_divide(std::int64_t count, std::int64_t size) {
  return (count + size - 1) / size;
}

/// Blocks that a multiprocessor should hold at once: it leaves a thread 64 registers.
inline constexpr int team_blocks = 4;

struct Team {
  int lanes = 1;  // a power of two
  /// Whether neighbouring threads are lanes of one team, for rows of adjacent elements; else they belong to
  /// neighbouring rows, for rows that lie side by side. Then a warp accesses neighbours either way.
  bool adjacent = true;

  /// Of a block of reduce_block threads.
  __host__ __device__ int rows() const { return reduce_block / lanes; }
  __device__ int lane() const {
    const int thread = static_cast<int>(threadIdx.x);
    return adjacent ? thread % lanes : thread / rows();
  }
  __device__ int row() const {
    const int thread = static_cast<int>(threadIdx.x);
    return adjacent ? thread / lanes : thread % rows();
  }
};

/// For rows of `pieces` that lie along memory: a warp or a part of it, or the whole block where each lane of
/// a warp had more than 8.
inline Team team_along(std::int64_t pieces) {
  if (pieces > 8 * 32) return {reduce_block, true};
  return {static_cast<int>(std::bit_ceil(std::clamp<std::uint64_t>((pieces + 1) / 2, 1, 32))), true};
}

/// For rows of `pieces` of which `neighbours` lie side by side: a warp's worth of them, and as many lanes as
/// that leaves.
inline Team team_across(std::int64_t pieces, std::int64_t neighbours) {
  const std::uint64_t rows = std::bit_ceil(std::clamp<std::uint64_t>(neighbours, 1, 32));
  return {static_cast<int>(std::min(std::bit_ceil(std::max<std::uint64_t>(pieces, 1)), reduce_block / rows)),
          false};
}

/// Of the lanes of each team, in every lane. By shared memory, so T may be any type of which a block's copies
/// fit there. All threads of the block must call it; it ends with the shared memory free for the next call.
template <class T, class Op>
__device__ inline T team_reduce_shared(const Team& team, T value, Op op) {
  FORNAX_SHARED(T, partial, [reduce_block]);
  const int thread = static_cast<int>(threadIdx.x), distance = team.adjacent ? 1 : team.rows();
  const int lane = team.lane();
  partial[thread] = value;
  __syncthreads();
  for (int half = team.lanes / 2; half > 0; half /= 2) {
    if (lane < half) partial[thread] = op(partial[thread], partial[thread + half * distance]);
    __syncthreads();
  }
  value = partial[thread - lane * distance];
  __syncthreads();
  return value;
}

/// The same for numbers, by shuffles where a team lies in a warp. `neutral` changes nothing under `op`.
template <class T, class Op>
__device__ inline T team_reduce(const Team& team, T value, T neutral, Op op) {
  if (!team.adjacent) return team_reduce_shared(team, value, op);
  if (team.lanes > 32) return block_reduce(value, neutral, op);
  for (int offset = team.lanes / 2; offset > 0; offset /= 2)
    value = op(value, __shfl_xor_sync(full_warp, value, offset));
  return value;
}

/// Elements that a thread takes together; they are one access where memory allows it. Which elements a thread
/// takes, and in which order, does not depend on that.
template <class T>
inline constexpr int group_size = pack_size<T> < 8 ? pack_size<T> : 8;

/// True if a group of adjacent elements can be one access wherever operand `k` of `loop` may begin.
template <class T, int N>
bool can_pack(const LoopArgs<N>& loop, int k) {
  constexpr std::int64_t bytes = group_size<T> * static_cast<std::int64_t>(sizeof(T));
  bool can = is_aligned(loop.data[k], bytes);
  for (int axis = 0; axis < loop.rank; ++axis)
    can = can && (loop.shape[axis] == 1 || loop.strides[k][axis] % bytes == 0);
  return can;
}

/// The first `count` of V elements `step` apart, the others as `rest`. `packed`: they may be one access.
template <int V, class T>
__device__ inline void load_group(const T* from, std::int64_t step, int count, bool packed,
                                  compute_t<T> (&to)[V], compute_t<T> rest) {
  if (packed && count >= V) {
    const Pack<T, V> pack = load_pack<V>(from);
#pragma unroll
    for (int j = 0; j < V; ++j) to[j] = convert<compute_t<T>>(pack[j]);
  } else {
#pragma unroll
    for (int j = 0; j < V; ++j) to[j] = j < count ? convert<compute_t<T>>(from[j * step]) : rest;
  }
}

template <int V, class T>
__device__ inline void store_group(T* to, std::int64_t step, int count, bool packed,
                                   const compute_t<T> (&from)[V]) {
  if (packed && count >= V) {
    Pack<T, V> pack;
#pragma unroll
    for (int j = 0; j < V; ++j) pack[j] = convert<T>(from[j]);
    store_pack(to, pack);
  } else {
#pragma unroll
    for (int j = 0; j < V; ++j)
      if (j < count) to[j * step] = convert<T>(from[j]);
  }
}

}  // namespace fornax::cuda
