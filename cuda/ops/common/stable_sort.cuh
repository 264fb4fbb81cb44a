#pragma once

#include <cstdint>

#include "device/cuda.cuh"
#include "runtime/launch.h"

// A stable sort of indices by keys. Policy: tiles are sorted in shared memory, then runs are merged in pairs,
// one launch for all pairs of one length. Both merge by ranks: an element's place in the merged run is its
// place in its own plus the number of elements that precede it in the other one, which a binary search tells.
// So threads need not agree on anything, the result is the one stable order, and equal keys cost nothing.
// Keys live in temporary memory: 32 bytes per element at most.
namespace fornax::cuda {

inline constexpr int sort_block = 256, sort_each = 4, sort_tile = sort_block * sort_each;

/// Where element `i` of `keys` goes when runs of `run` elements, a power of two, are merged in pairs.
template <class Index, class Key>
__device__ inline Index merged_place(const Key* keys, Index count, Index run, Index i) {
  const Key key = keys[i];
  const Index pair = i & ~(2 * run - 1);
  const bool left = i - pair < run;
  const Index other = left ? pair + run : pair, begin = other < count ? other : count;
  const Index end = count - begin > run ? begin + run : count;
  Index low = begin, high = end;  // of equal keys those of the left run go first
  while (low < high) {
    const Index middle = low + (high - low) / 2;
    if (left ? keys[middle] < key : keys[middle] <= key)
      low = middle + 1;
    else
      high = middle;
  }
  return (left ? i : i - run) + (low - begin);
}

/// Makes the keys of a tile by `source(i)` and sorts them. Writes the keys if `keys` is there.
template <class Key, class Source>
__global__ void sort_tiles(Source source, std::int64_t count, Key* keys, std::int64_t* order,
                           std::int64_t order_stride) {
  FORNAX_SHARED(Key, tile_keys, [sort_tile]);
  FORNAX_SHARED(std::uint16_t, tile_order, [sort_tile]);
  const std::int64_t base = static_cast<std::int64_t>(blockIdx.x) * sort_tile;
  const int size = static_cast<int>(count - base < sort_tile ? count - base : sort_tile);
  const int first = static_cast<int>(threadIdx.x);
  for (int i = first; i < size; i += sort_block) {
    tile_keys[i] = source(base + i);
    tile_order[i] = static_cast<std::uint16_t>(i);
  }
  __syncthreads();
  for (int run = 1; run < size; run *= 2) {
    Key key[sort_each] = {};
    std::uint16_t from[sort_each] = {};
    int place[sort_each] = {};
#pragma unroll
    for (int k = 0; k < sort_each; ++k) {
      const int i = first + k * sort_block;
      if (i >= size) continue;
      key[k] = tile_keys[i];
      from[k] = tile_order[i];
      place[k] = merged_place(tile_keys, size, run, i);
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < sort_each; ++k) {
      if (first + k * sort_block >= size) continue;
      tile_keys[place[k]] = key[k];
      tile_order[place[k]] = from[k];
    }
    __syncthreads();
  }
  for (int i = first; i < size; i += sort_block) {
    if (keys) keys[base + i] = tile_keys[i];
    order[(base + i) * order_stride] = base + tile_order[i];
  }
}

template <class Key>
__global__ void merge_runs(const Key* keys, const std::int64_t* order, std::int64_t count, std::int64_t run,
                           Key* merged_keys, std::int64_t* merged_order, std::int64_t order_stride) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const std::int64_t place = merged_place(keys, count, run, i);
    if (merged_keys) merged_keys[place] = keys[i];
    merged_order[place * order_stride] = order[i];
  }
}

/// order[k * order_stride] = the index i < count whose key source(i) comes k-th, equal keys by i; and
/// sorted_keys[k] = that key, if `sorted_keys` is there. `source` is called on the device.
template <class Key, class Source>
void stable_sort(const Source& source, std::int64_t count, Key* sorted_keys, std::int64_t* order,
                 std::int64_t order_stride, cudaStream_t stream) {
  if (count == 0) return;
  const dim3 tiles(static_cast<unsigned>((count + sort_tile - 1) / sort_tile));
  if (count <= sort_tile)
    return launch(sort_tiles<Key, Source>, tiles, sort_block, 0, stream, source, count, sorted_keys, order,
                  order_stride);
  struct Buffer {
    Key* keys;
    std::int64_t* order;
  };
  const auto size = static_cast<std::size_t>(count);
  const bool two = count > 2 * sort_tile;
  const Scratch memory((two ? 2 : 1) * size * (sizeof(std::int64_t) + sizeof(Key)), stream);
  std::int64_t* const orders = memory.as<std::int64_t>();
  Key* const keys = reinterpret_cast<Key*>(orders + (two ? 2 : 1) * size);
  Buffer from{keys, orders}, to{two ? keys + size : nullptr, two ? orders + size : nullptr};
  launch(sort_tiles<Key, Source>, tiles, sort_block, 0, stream, source, count, from.keys, from.order, 1);
  for (std::int64_t run = sort_tile; run < count; run *= 2) {
    const bool last = 2 * run >= count;
    launch(merge_runs<Key>, grid_for(count), elementwise_block, 0, stream, from.keys, from.order, count, run,
           last ? sorted_keys : to.keys, last ? order : to.order, last ? order_stride : 1);
    std::swap(from, to);
  }
}

}  // namespace fornax::cuda
