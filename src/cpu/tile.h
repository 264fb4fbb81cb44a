#pragma once

#include <cstdint>
#include <type_traits>

#include "cpu/isa.h"

/// The innermost loop of matrix products and convolutions: a register tile.
namespace fornax::cpu {

/// A stretch of the reduction: `length` steps, starting at these offsets from a row's `a` and from `b`.
struct Run {
  std::int64_t a, b, length;
};

/// c[i][j] = start[i][j] + bias[j] + sum over runs r, over steps t of r:
///           a[i][r.a + t * a_step] * b[r.b + t * b_step + j].
/// Rows may lie anywhere: they are pixels of any image, or channels, or matrix rows. Columns come in panels
/// of TileKernels::columns; b's panels are `b_panel` elements apart, and the last must be readable up to a
/// whole register.
template <class T>
struct Tile {
  const T* const* a;
  T* const* c;
  const T* b;
  std::int64_t a_step, b_step, b_panel;
  const Run* runs;
  int run_count;
  std::int64_t rows, columns;
  const T* const* start;  ///< or null; c itself to go on with a sum
  const T* bias;          ///< one per column, readable up to a whole register; or null
  bool relu;              ///< last of all: c = max(c, 0)
  bool panels_stay;       ///< all rows go by a panel of b before the next one does; else all panels go by a
                          ///< tile of rows
};

template <class T>
struct TileKernels {
  int rows, columns;  ///< that registers hold at once; multiples of them are fastest
  int lanes;          ///< of a register
  void (*run)(const Tile<T>& tile);
};

FORNAX_ISA_TABLE(TileKernels<float>, tile_f32)
FORNAX_ISA_TABLE(TileKernels<double>, tile_f64)

template <class T>
const TileKernels<T>& tile_kernels() {
  if constexpr (std::is_same_v<T, double>)
    return tile_f64();
  else
    return tile_f32();
}

}  // namespace fornax::cpu
