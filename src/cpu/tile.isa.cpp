#include "cpu/tile.h"

#include "cpu/packet.h"

// The register tile: `rows` x `packets` accumulators stay in registers over the whole reduction. One step
// loads `packets` registers of b and broadcasts one value of each row of a. Shapes: 16 registers hold 6 x 2
// accumulators, two of b and one broadcast; 32 hold 6 x 4. Six rows suffice to hide the multiply-add's
// latency.
namespace fornax::cpu::FORNAX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int tile_packets = 4;
#else
constexpr int tile_packets = 2;
#endif
constexpr int tile_rows = 6;

using Index = std::int64_t;

/// Rows [row, row + Rows) of the columns [column, column + Packets registers).
template <class T, int Rows, int Packets>
void panel(const Tile<T>& tile, Index row, const T* b_panel, Index column) {
  constexpr int V = lanes<T>;
  const T* const* rows_of_a = tile.a + row;
  T* const* rows_of_c = tile.c + row;
  Packet<T> sum[Rows][Packets];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Packets; ++j) {
      sum[i][j] = tile.bias ? load(tile.bias + column + j * V) : broadcast(T(0));
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {  // wanted at the end: they arrive while the sums are made
#pragma GCC unroll 4
    for (int j = 0; j < Packets; ++j) {
      __builtin_prefetch(rows_of_c[i] + column + j * V, 1);
      if (tile.start) __builtin_prefetch(tile.start[row + i] + column + j * V);
    }
  }
  const std::int64_t a_step = tile.a_step, b_step = tile.b_step;
  for (int r = 0; r < tile.run_count; ++r) {
    const Run run = tile.runs[r];
    const T* a[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) a[i] = rows_of_a[i] + run.a;
    const T* b = b_panel + run.b;
#pragma GCC unroll 4
    for (std::int64_t t = 0, at = 0; t < run.length; ++t, at += a_step, b += b_step) {
      Packet<T> columns[Packets];
#pragma GCC unroll 4
      for (int j = 0; j < Packets; ++j) columns[j] = load(b + j * V);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
        const Packet<T> factor = broadcast(a[i][at]);
#pragma GCC unroll 4
        for (int j = 0; j < Packets; ++j) sum[i][j] = multiply_add(factor, columns[j], sum[i][j]);
      }
    }
  }
  if (tile.start) {
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < Packets; ++j)
        sum[i][j] = add(sum[i][j], load(tile.start[row + i] + column + j * V));
    }
  }
  if (tile.relu) {
#pragma GCC unroll 8
    for (auto& sums : sum) {
#pragma GCC unroll 4
      for (auto& value : sums) value = relu<T>(value);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Packets; ++j) store(rows_of_c[i] + column + j * V, sum[i][j]);
  }
}

/// The last `width` columns, fewer than Packets registers: computed whole, in a buffer.
template <class T, int Rows, int Packets>
void last_panel(const Tile<T>& tile, Index row, const T* b_panel, Index column, Index width) {
  T buffer[Rows][Packets * lanes<T>] = {};
  T* c[Rows];
  Tile<T> whole = tile;
  whole.a = tile.a + row;
  whole.c = c;
  if (tile.start) whole.start = c;
  if (tile.bias) whole.bias = tile.bias + column;
  const auto bytes = static_cast<std::size_t>(width) * sizeof(T);
  for (int i = 0; i < Rows; ++i) {
    c[i] = buffer[i];
    if (tile.start) __builtin_memcpy(buffer[i], tile.start[row + i] + column, bytes);
  }
  panel<T, Rows, Packets>(whole, 0, b_panel, 0);
  for (int i = 0; i < Rows; ++i) __builtin_memcpy(tile.c[row + i] + column, buffer[i], bytes);
}

/// The columns from `column` on, by the fewest registers that hold them: b may end where they end.
template <class T, int Rows, int Packets = 1>
void rows_by_panel(const Tile<T>& tile, Index row, const T* b, Index column) {
  constexpr int V = lanes<T>;
  const Index width = tile.columns - column;
  if constexpr (Packets < tile_packets) {
    if (width > Packets * V) return rows_by_panel<T, Rows, Packets + 1>(tile, row, b, column);
  }
  if (width >= Packets * V) return panel<T, Rows, Packets>(tile, row, b, column);
  last_panel<T, Rows, Packets>(tile, row, b, column, width);
}

template <class T>
void tile_by_panel(const Tile<T>& tile, Index row, const T* b, Index column) {
  switch (tile.rows - row) {
    case 1: return rows_by_panel<T, 1>(tile, row, b, column);
    case 2: return rows_by_panel<T, 2>(tile, row, b, column);
    case 3: return rows_by_panel<T, 3>(tile, row, b, column);
    case 4: return rows_by_panel<T, 4>(tile, row, b, column);
    case 5: return rows_by_panel<T, 5>(tile, row, b, column);
    default: return rows_by_panel<T, tile_rows>(tile, row, b, column);
  }
}

template <class T>
void run(const Tile<T>& tile) {
  constexpr Index wide = tile_packets * lanes<T>;
  if (tile.panels_stay) {
    const T* b = tile.b;
    for (Index column = 0; column < tile.columns; column += wide, b += tile.b_panel) {
      for (Index row = 0; row < tile.rows; row += tile_rows) tile_by_panel(tile, row, b, column);
    }
  } else {
    for (Index row = 0; row < tile.rows; row += tile_rows) {
      const T* b = tile.b;
      for (Index column = 0; column < tile.columns; column += wide, b += tile.b_panel)
        tile_by_panel(tile, row, b, column);
    }
  }
}

template <class T>
constexpr TileKernels<T> table = {tile_rows, tile_packets* lanes<T>, lanes<T>, run<T>};

}  // namespace

extern const TileKernels<float> tile_f32 = table<float>;
extern const TileKernels<double> tile_f64 = table<double>;

}  // namespace fornax::cpu::FORNAX_ISA
