#pragma once

#include <algorithm>
#include <cstdint>

#include "device/reduce.cuh"
#include "ops/batch_norm/batch_norm_channels.cuh"
#include "runtime/launch.h"

// How elementwise passes are cut. A thread keeps its place in the row and goes down the rows, so that it
// works out its channels once. V elements are one access. They belong to V channels in channels_last and to
// one in planar order, except where the lines are no multiple of V long but a row of them is: there packs
// cross from channel to channel, unless bits are wanted, whose bytes do not.
namespace fornax::cuda {

struct NormTiles {
  std::int64_t rows, row_size;
  std::int64_t columns, line_columns;  // packs of a row and of a line, with those that fill up a byte of bits
  std::int64_t length;                 // of a line
  std::int64_t channel_size;           // adjacent elements of one channel
  std::int64_t row_bytes, line_bytes;  // of bits
  int tile_columns, tile_rows;         // of a block; fills it but for a remainder
  unsigned column_tiles;
  std::int64_t row_step;  // rows that all blocks take at a time
};

/// Cuts for packs of `width` elements; `crossing`: they may cross lines; `writes_bits`: whole bytes of these.
inline NormTiles norm_tiles(const NormLayout& layout, int width, bool crossing, bool writes_bits) {
  NormTiles tiles{};
  tiles.rows = layout.rows;
  tiles.row_size = layout.row_size();
  const std::int64_t lines = crossing ? 1 : layout.lines;
  tiles.length = crossing ? layout.row_size() : layout.length;
  tiles.line_columns = (writes_bits ? divide_up(tiles.length, 8) * 8 : tiles.length) / width;
  tiles.columns = lines * tiles.line_columns;
  tiles.channel_size = layout.planar ? layout.length : 1;
  tiles.line_bytes = layout.line_bytes();
  tiles.row_bytes = lines * tiles.line_bytes;
  const std::int64_t column_tiles = divide_up(tiles.columns, elementwise_block);
  tiles.column_tiles = static_cast<unsigned>(column_tiles);
  // Tiles begin at whole bytes of bits and at whole warps.
  tiles.tile_columns = static_cast<int>(
      column_tiles == 1 ? tiles.columns : divide_up(divide_up(tiles.columns, column_tiles), 32) * 32);
  tiles.tile_rows = elementwise_block / tiles.tile_columns;
  // Some rows for each thread, else working out the channels costs more than the elements.
  const std::int64_t blocks = grid_for(divide_up(tiles.rows * tiles.columns, 4));
  tiles.row_step = tiles.tile_rows *
                   std::clamp<std::int64_t>(blocks / column_tiles, 1, divide_up(tiles.rows, tiles.tile_rows));
  return tiles;
}
inline unsigned grid_of(const NormTiles& tiles) {
  return tiles.column_tiles * static_cast<unsigned>(tiles.row_step / tiles.tile_rows);
}

/// Where a thread works.
struct NormPlace {
  bool inside;
  std::int64_t row;     // the first one
  std::int64_t offset;  // of its elements in a row
  std::int64_t byte;    // of their bits in a row's
  int shift;            // of the first bit in the byte

  __device__ NormPlace(const NormTiles& tiles, int width) {
    const int thread = static_cast<int>(threadIdx.x), row_of_tile = thread / tiles.tile_columns;
    const std::int64_t column =
        static_cast<std::int64_t>(blockIdx.x % tiles.column_tiles) * tiles.tile_columns +
        thread % tiles.tile_columns;
    std::int64_t line = column;
    const std::int64_t at = take_digit(line, tiles.line_columns) * width;
    inside = row_of_tile < tiles.tile_rows && column < tiles.columns && at < tiles.length;
    row = row_of_tile;
    offset = line * tiles.length + at;
    byte = line * tiles.line_bytes + at / 8;
    shift = static_cast<int>(at % 8);
  }
};

/// The first row of a block, which then goes on by row_step.
__device__ inline std::int64_t first_row(const NormTiles& tiles) {
  return static_cast<std::int64_t>(blockIdx.x / tiles.column_tiles) * tiles.tile_rows;
}

__device__ inline std::int64_t channel_of(const NormTiles& tiles, std::int64_t offset) {
  return tiles.channel_size == 1 ? offset : quotient(offset, tiles.channel_size);
}

struct Or {
  __device__ unsigned operator()(unsigned a, unsigned b) const { return a | b; }
};

/// Writes the bits of packs of V elements: the 8 / V lanes whose bits share a byte join them. All lanes of
/// the warp must call it, with no bits where there is no element; `first` tells the lane of a byte's first
/// pack.
template <int V>
__device__ inline void store_bits(std::uint8_t* byte, unsigned bits, bool first) {
  constexpr int lanes = 8 / V;
  if constexpr (lanes > 1) bits = warp_reduce<lanes>(bits << (threadIdx.x % lanes * V), Or{});
  if (first) *byte = static_cast<std::uint8_t>(bits);
}

/// Calls run(V, K, crossing) for the widest packs of S that fit: their elements and the channels of these, as
/// integral constants, and whether they cross lines.
template <class S, class Run>
void for_packs(const NormLayout& layout, bool aligned, bool with_bits, Run&& run) {
  constexpr int V = pack_size<S>;
  constexpr std::integral_constant<int, V> wide{};
  constexpr std::integral_constant<int, 1> single{};
  if (aligned && layout.length % V == 0)
    layout.planar ? run(wide, single, false) : run(wide, wide, false);
  else if (aligned && layout.row_size() % V == 0 && !with_bits)
    run(wide, wide, true);
  else
    run(single, single, false);
}

}  // namespace fornax::cuda
