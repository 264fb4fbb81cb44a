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
constexpr int tile_rows = max_tile_rows;

/// The columns [column, column + Packets registers).
template <class T, int Rows, int Packets>
void panel(const Tile<T>& tile, const T* b_panel, std::int64_t column) {
  constexpr int V = lanes<T>;
  Packet<T> sum[Rows][Packets];
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Packets; ++j) {
      sum[i][j] = tile.accumulate ? load(tile.c[i] + column + j * V)
                  : tile.bias     ? load(tile.bias + column + j * V)
                                  : broadcast(T(0));
    }
  }
  const std::int64_t a_step = tile.a_step, b_step = tile.b_step;
  for (int r = 0; r < tile.run_count; ++r) {
    const Run run = tile.runs[r];
    const T* a[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) a[i] = tile.a[i] + run.a;
    const T* b = b_panel + run.b;
#pragma GCC unroll 4
    for (std::int64_t t = 0, at = 0; t < run.length; ++t, at += a_step, b += b_step) {
      Packet<T> columns[Packets];
#pragma GCC unroll 4
      for (int j = 0; j < Packets; ++j) columns[j] = load(b + j * V);
#pragma GCC unroll 8
      for (int i = 0; i < Rows; ++i) {
        const Packet<T> row = broadcast(a[i][at]);
#pragma GCC unroll 4
        for (int j = 0; j < Packets; ++j) sum[i][j] = multiply_add(row, columns[j], sum[i][j]);
      }
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < Packets; ++j) {
      store(tile.c[i] + column + j * V, tile.relu ? relu<T>(sum[i][j]) : sum[i][j]);
    }
  }
}

/// The last `width` columns, fewer than Packets registers: computed whole, in a buffer.
template <class T, int Rows, int Packets>
void last_panel(const Tile<T>& tile, const T* b_panel, std::int64_t column, std::int64_t width) {
  T buffer[Rows][Packets * lanes<T>] = {};
  Tile<T> whole = tile;
  if (tile.bias) whole.bias = tile.bias + column;
  for (int i = 0; i < Rows; ++i) {
    whole.c[i] = buffer[i];
    if (tile.accumulate)
      __builtin_memcpy(buffer[i], tile.c[i] + column, static_cast<std::size_t>(width) * sizeof(T));
  }
  panel<T, Rows, Packets>(whole, b_panel, 0);
  for (int i = 0; i < Rows; ++i) {
    __builtin_memcpy(tile.c[i] + column, buffer[i], static_cast<std::size_t>(width) * sizeof(T));
  }
}

template <class T, int Rows>
void panels(const Tile<T>& tile) {
  constexpr int V = lanes<T>;
  constexpr int wide = tile_packets * V;
  const T* b = tile.b;
  std::int64_t column = 0;
  for (; column + wide <= tile.columns; column += wide, b += tile.b_panel) {
    panel<T, Rows, tile_packets>(tile, b, column);
  }
  const std::int64_t rest = tile.columns - column;
  if (rest == 0) return;
  if (rest == V) return panel<T, Rows, 1>(tile, b, column);
  if (rest < V) return last_panel<T, Rows, 1>(tile, b, column, rest);
  if (tile_packets == 2 || rest <= 2 * V) return last_panel<T, Rows, 2>(tile, b, column, rest);
  last_panel<T, Rows, tile_packets>(tile, b, column, rest);
}

template <class T>
void run(const Tile<T>& tile) {
  switch (tile.rows) {
    case 1: return panels<T, 1>(tile);
    case 2: return panels<T, 2>(tile);
    case 3: return panels<T, 3>(tile);
    case 4: return panels<T, 4>(tile);
    case 5: return panels<T, 5>(tile);
    default: return panels<T, tile_rows>(tile);
  }
}

template <class T>
constexpr TileKernels<T> table = {tile_rows, tile_packets* lanes<T>, lanes<T>, run<T>};

}  // namespace

extern const TileKernels<float> tile_f32 = table<float>;
extern const TileKernels<double> tile_f64 = table<double>;

}  // namespace fornax::cpu::FORNAX_ISA
