#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "device/convert.cuh"
#include "device/pack.cuh"
#include "ops/common/tile_operands.cuh"
#include "runtime/launch.h"

// Policy: the products of matmul and of the convolutions. A block computes one tile of the result; it brings
// both operands, `depth` steps of the sum at a time, into shared memory in the type that is summed (f32, f64
// for f64), while it computes with those it brought before, and each thread holds a small square of sums in
// registers. Every sum runs over its steps in order. Where there are few tiles and long sums, these are cut
// into slices, by the sizes alone, whose sums go to temporary memory and are added in order by a second
// kernel. All on the stream of the output.
namespace fornax::cuda {

/// The cut of one block.
template <int block_rows, int block_columns, int thread_rows, int thread_columns>
struct Tile {
  static constexpr int rows = block_rows, columns = block_columns, depth = 16;
  static constexpr int own_rows = thread_rows, own_columns = thread_columns;
  static constexpr int row_threads = rows / own_rows, column_threads = columns / own_columns;
  static constexpr int threads = row_threads * column_threads;
};
/// For results that fill a device, and for all others and f64.
using LargeTile = Tile<128, 64, 8, 8>;
using SmallTile = Tile<32, 32, 4, 4>;

/// How a launch is cut: the grid has a block per batch, slice, row of tiles and column of tiles.
struct Cut {
  bool large = false;
  int row_tiles = 0, column_tiles = 0;
  int slices = 1, slice_depth = 0;
  std::int64_t pitch = 0;  // of a row of a slice's sums
};

/// Depends on sizes only, so that bits do not depend on the device.
inline Cut cut_product(std::int64_t rows, std::int64_t columns, std::int64_t depth, std::int64_t batches,
                       bool may_be_large) {
  // A slice is worth its sums in memory from some length on; more blocks than a device runs are of no use.
  constexpr std::int64_t shortest_slice = 256, enough_blocks = 256, fill_a_device = 96;
  const auto tiles = [](std::int64_t size, std::int64_t tile) { return (size + tile - 1) / tile; };
  const auto slices_for = [&](std::int64_t blocks) {
    return std::clamp<std::int64_t>(enough_blocks / blocks, 1,
                                    std::max<std::int64_t>(1, depth / shortest_slice));
  };
  const std::int64_t large_blocks =
      tiles(rows, LargeTile::rows) * tiles(columns, LargeTile::columns) * batches;
  Cut cut;
  cut.large = may_be_large && large_blocks * slices_for(large_blocks) >= fill_a_device;
  cut.row_tiles = static_cast<int>(tiles(rows, cut.large ? LargeTile::rows : SmallTile::rows));
  cut.column_tiles = static_cast<int>(tiles(columns, cut.large ? LargeTile::columns : SmallTile::columns));
  const std::int64_t slices = slices_for(cut.row_tiles * cut.column_tiles * batches);
  cut.slice_depth = static_cast<int>(tiles(tiles(depth, slices), SmallTile::depth) * SmallTile::depth);
  cut.slices = static_cast<int>(std::max<std::int64_t>(1, depth > 0 ? tiles(depth, cut.slice_depth) : 1));
  cut.pitch = tiles(columns, 4) * 4;
  return cut;
}

/// Moves the tiles of one operand by way of registers: packs of elements in, the type that is summed out.
template <class Load, class T, int lines, class Shape>
class Stage {
 public:
  static constexpr int pitch = lines + 16 / static_cast<int>(sizeof(T));  // of a step in shared memory

  __device__ Stage(const Load& load, int first_line) : load_(load) {
#pragma unroll
    for (int p = 0; p < line_count; ++p) lines_[p] = load.line(first_line + line_of(p));
  }
  /// Steps from `k` on; zeros from `end` on.
  __device__ void fetch(int k, int end) {
    if constexpr (Load::along_steps) {
      const auto step = load_.step(k + step_of(0), end);
#pragma unroll
      for (int p = 0; p < packs; ++p) held_[p] = load_.load(lines_[p], step);
    } else {
#pragma unroll
      for (int p = 0; p < packs; ++p) held_[p] = load_.load(lines_[0], load_.step(k + step_of(p), end));
    }
  }
  __device__ void put(T* tile) const {
    constexpr int width = 16 / static_cast<int>(sizeof(T));
#pragma unroll
    for (int p = 0; p < packs; ++p) {
      T* to = tile + step_of(p) * pitch + line_of(p);
      if constexpr (Load::along_steps) {
#pragma unroll
        for (int v = 0; v < Load::pack; ++v) to[v * pitch] = convert<T>(held_[p][v]);
      } else if constexpr (Load::pack % width == 0) {
#pragma unroll
        for (int v = 0; v < Load::pack; v += width) {
          Pack<T, width> part;
#pragma unroll
          for (int i = 0; i < width; ++i) part[i] = convert<T>(held_[p][v + i]);
          store_pack(to + v, part);
        }
      } else {
#pragma unroll
        for (int v = 0; v < Load::pack; ++v) to[v] = convert<T>(held_[p][v]);
      }
    }
  }

 private:
  static constexpr int packs = lines * Shape::depth / Load::pack / Shape::threads;
  static constexpr int line_count = Load::along_steps ? packs : 1;
  /// Packs side by side in the direction of a pack, and how many of these rows of packs all threads load.
  static constexpr int packs_in_row = (Load::along_steps ? Shape::depth : lines) / Load::pack;
  static constexpr int rows_at_once = Shape::threads / packs_in_row;
  static_assert(packs > 0 && packs * Load::pack * Shape::threads == lines * Shape::depth);
  static_assert(rows_at_once > 0 && rows_at_once * packs_in_row == Shape::threads);

  __device__ static int along(int) { return static_cast<int>(threadIdx.x) % packs_in_row * Load::pack; }
  __device__ static int across(int p) {
    return static_cast<int>(threadIdx.x) / packs_in_row + p * rows_at_once;
  }
  __device__ static int line_of(int p) { return Load::along_steps ? across(p) : along(p); }
  __device__ static int step_of(int p) { return Load::along_steps ? along(p) : across(p); }

  const Load& load_;
  typename Load::Line lines_[line_count];
  Pack<typename Load::Element, Load::pack> held_[packs];
};

/// The sums of one thread. Its rows and columns come in groups of `width` adjacent ones, so that it reads
/// shared memory and writes results in packs.
template <class T, class Shape>
struct Sums {
  static constexpr int width = 16 / static_cast<int>(sizeof(T));
  T at[Shape::own_rows][Shape::own_columns] = {};
  int row_thread = static_cast<int>(threadIdx.x) / Shape::column_threads;
  int column_thread = static_cast<int>(threadIdx.x) % Shape::column_threads;

  __device__ int row(int i) const {
    return (i / width * Shape::row_threads + row_thread) * width + i % width;
  }
  __device__ int column(int j) const {
    return (j / width * Shape::column_threads + column_thread) * width + j % width;
  }
  /// Adds the products of one step; `left` and `right` are its rows of the tiles.
  __device__ void add(const T* left, const T* right) {
    Pack<T, width> a[Shape::own_rows / width], b[Shape::own_columns / width];
#pragma unroll
    for (int g = 0; g < Shape::own_rows / width; ++g) a[g] = load_pack<width>(left + row(g * width));
#pragma unroll
    for (int g = 0; g < Shape::own_columns / width; ++g) b[g] = load_pack<width>(right + column(g * width));
#pragma unroll
    for (int i = 0; i < Shape::own_rows; ++i)
#pragma unroll
      for (int j = 0; j < Shape::own_columns; ++j)
        at[i][j] += a[i / width][i % width] * b[j / width][j % width];
  }

  template <class Out>
  __device__ void store(const Out& out, int first_row, int first_column) const {
    using S = typename Out::Element;
    std::int64_t rows[Shape::own_rows];
    T bias[Shape::own_columns];
    int columns[Shape::own_columns];
#pragma unroll
    for (int i = 0; i < Shape::own_rows; ++i) rows[i] = out.row(first_row + row(i));
#pragma unroll
    for (int j = 0; j < Shape::own_columns; ++j) {
      columns[j] = first_column + column(j);
      bias[j] = out.bias_of(columns[j]);
    }
    if (out.packing == Packing::along_columns) {
#pragma unroll
      for (int i = 0; i < Shape::own_rows; ++i)
#pragma unroll
        for (int j = 0; j < Shape::own_columns; j += width) {
          if (rows[i] < 0 || columns[j] >= out.column_count) continue;
          const std::int64_t offset = rows[i] + columns[j];
          Pack<S, width> pack = out.template residuals<width>(offset);
#pragma unroll
          for (int v = 0; v < width; ++v) pack[v] = out.finish(at[i][j + v], bias[j + v], pack[v]);
          store_pack(out.data + offset, pack);
        }
    } else if (out.packing == Packing::along_rows) {
#pragma unroll
      for (int i = 0; i < Shape::own_rows; i += width)
#pragma unroll
        for (int j = 0; j < Shape::own_columns; ++j) {
          if (rows[i] < 0 || columns[j] >= out.column_count) continue;
          const std::int64_t offset = rows[i] + columns[j] * out.column_stride;
          Pack<S, width> pack = out.template residuals<width>(offset);
#pragma unroll
          for (int v = 0; v < width; ++v) pack[v] = out.finish(at[i + v][j], bias[j], pack[v]);
          store_pack(out.data + offset, pack);
        }
    } else {
#pragma unroll
      for (int i = 0; i < Shape::own_rows; ++i)
#pragma unroll
        for (int j = 0; j < Shape::own_columns; ++j) {
          if (rows[i] < 0 || columns[j] >= out.column_count) continue;
          const std::int64_t offset = rows[i] + columns[j] * out.column_stride;
          out.data[offset] = out.finish(at[i][j], bias[j], out.template residuals<1>(offset)[0]);
        }
    }
  }
};

/// One tile of one slice of one batch. Problem: see multiply().
template <class Problem, class Shape>
__global__ void __launch_bounds__(Shape::threads)
    tile_kernel(const Problem problem, const Cut cut, accumulate_t<typename Problem::Element>* partial) {
  using T = accumulate_t<typename Problem::Element>;
  std::int64_t block = blockIdx.x;
  const int first_column = static_cast<int>(block % cut.column_tiles) * Shape::columns;
  block /= cut.column_tiles;
  const int first_row = static_cast<int>(block % cut.row_tiles) * Shape::rows;
  block /= cut.row_tiles;
  const int slice = static_cast<int>(block % cut.slices);
  const std::int64_t batch = block / cut.slices;

  const auto left_load = problem.left(batch);
  const auto right_load = problem.right(batch);
  const int begin = slice * cut.slice_depth, depth = problem.depth_of(batch);
  const int end = depth < begin + cut.slice_depth ? depth : begin + cut.slice_depth;

  using Left = Stage<std::remove_const_t<decltype(left_load)>, T, Shape::rows, Shape>;
  using Right = Stage<std::remove_const_t<decltype(right_load)>, T, Shape::columns, Shape>;
  using Quad = Pack<T, 16 / sizeof(T)>;  // aligns the tiles
  constexpr int left_size = Shape::depth * Left::pitch, right_size = Shape::depth * Right::pitch;
  FORNAX_SHARED(Quad, left_tiles, [2 * left_size * sizeof(T) / 16]);
  FORNAX_SHARED(Quad, right_tiles, [2 * right_size * sizeof(T) / 16]);
  T* const left_tile = reinterpret_cast<T*>(left_tiles);
  T* const right_tile = reinterpret_cast<T*>(right_tiles);

  Left left(left_load, first_row);
  Right right(right_load, first_column);
  Sums<T, Shape> sums;
  if (begin < end) {
    left.fetch(begin, end);
    right.fetch(begin, end);
    left.put(left_tile);
    right.put(right_tile);
    __syncthreads();
  }
  int now = 0;
  for (int k = begin; k < end; k += Shape::depth) {
    const bool goes_on = k + Shape::depth < end;
    if (goes_on) {
      left.fetch(k + Shape::depth, end);
      right.fetch(k + Shape::depth, end);
    }
#pragma unroll
    for (int i = 0; i < Shape::depth; ++i)
      sums.add(left_tile + now * left_size + i * Left::pitch,
               right_tile + now * right_size + i * Right::pitch);
    if (goes_on) {
      now ^= 1;  // whose last readers were before the last barrier
      left.put(left_tile + now * left_size);
      right.put(right_tile + now * right_size);
      __syncthreads();
    }
  }

  if (cut.slices == 1) {
    sums.store(problem.output(batch), first_row, first_column);
  } else {
    Output<T, LinearAxis> own;
    own.data = partial + (batch * cut.slices + slice) * problem.rows * cut.pitch;
    own.rows.stride = cut.pitch;
    own.row_count = problem.rows;
    own.column_count = problem.columns;
    own.packing = Packing::along_columns;
    sums.store(own, first_row, first_column);
  }
}

/// Adds the slices of every element in order.
template <class Problem>
__global__ void combine_slices(const Problem problem, const Cut cut, std::int64_t count,
                               const accumulate_t<typename Problem::Element>* partial) {
  using T = accumulate_t<typename Problem::Element>;
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x, slice = problem.rows * cut.pitch;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    const int column = static_cast<int>(i % problem.columns);
    const std::int64_t rest = i / problem.columns;
    const int row = static_cast<int>(rest % problem.rows);
    const std::int64_t batch = rest / problem.rows;
    const auto out = problem.output(batch);
    const std::int64_t row_offset = out.row(row);
    if (row_offset < 0) continue;
    const T* from = partial + batch * cut.slices * slice + row * cut.pitch + column;
    T sum = 0;
    for (int s = 0; s < cut.slices; ++s) sum += from[s * slice];
    const std::int64_t offset = row_offset + column * out.column_stride;
    out.data[offset] = out.finish(sum, out.bias_of(column), out.template residuals<1>(offset)[0]);
  }
}

/// Sizes that the index arithmetic of the tiles takes.
inline bool fits_tiles(std::int64_t rows, std::int64_t columns, std::int64_t depth) {
  return rows < (1 << 30) && columns < (1 << 30) && depth < (1 << 30);
}

/// Computes `batches` products [rows, depth] * [depth, columns] and writes them. Problem is a kernel
/// argument:
///   Element
///   rows, columns           int members
///   depth                   int member: the most that a batch has
///   depth_of(batch)         of this one
///   left(batch), right(batch), output(batch)   loaders and an Output
/// Problem must fit_tiles.
template <class Problem>
void multiply(const Problem& problem, std::int64_t batches, cudaStream_t stream) {
  using T = accumulate_t<typename Problem::Element>;
  if (problem.rows == 0 || problem.columns == 0 || batches == 0) return;
  constexpr bool may_be_large = sizeof(T) == sizeof(float);
  const Cut cut = cut_product(problem.rows, problem.columns, problem.depth, batches, may_be_large);
  std::optional<Scratch> scratch;
  if (cut.slices > 1) {
    const std::int64_t sums = batches * cut.slices * problem.rows * cut.pitch;
    scratch.emplace(static_cast<std::size_t>(sums) * sizeof(T), stream);
  }
  T* const partial = scratch ? scratch->as<T>() : nullptr;
  const std::int64_t blocks = batches * cut.slices * cut.row_tiles * cut.column_tiles;
  const dim3 grid(static_cast<unsigned>(blocks));
  if (!cut.large) {
    launch(tile_kernel<Problem, SmallTile>, grid, dim3(SmallTile::threads), 0, stream, problem, cut, partial);
  } else if constexpr (may_be_large) {
    launch(tile_kernel<Problem, LargeTile>, grid, dim3(LargeTile::threads), 0, stream, problem, cut, partial);
  }
  if (cut.slices > 1) {
    const std::int64_t count = batches * problem.rows * problem.columns;
    launch(combine_slices<Problem>, dim3(grid_for(count)), dim3(elementwise_block), 0, stream, problem, cut,
           count, partial);
  }
}

}  // namespace fornax::cuda
