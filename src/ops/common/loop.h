#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "fornax/base/parallel.h"
#include "ops/common/loop_plan.h"

/// How CPU kernels run the loops of loop_plan.h: on all threads, row by row.
namespace fornax::cpu {

using ops::Loop;
using ops::make_loop;
using ops::Order;

/// Elements that a piece of parallel work should have at least, for a loop that costs about one memory access
/// each.
inline constexpr std::int64_t elementwise_grain = 32768;

/// Calls `row(data, strides, count)` for the pieces of rows that hold elements [first, last) of the loop, on
/// this thread: `data` and `strides` (bytes) have an entry per operand. A `row` that takes a fourth argument
/// gets the index of the piece's first element in the loop's order.
template <std::size_t N, class Row>
void walk(const Loop<N>& loop, std::int64_t first, std::int64_t last, Row&& row) {
  if (first >= last) return;
  const int outer = loop.shape.rank() - 1;
  const std::int64_t width = loop.shape[outer];
  std::array<std::int64_t, N> step;
  for (std::size_t k = 0; k < N; ++k) step[k] = loop.strides[k][outer];
  std::array<std::byte*, N> start = loop.data;  // of the row that holds `first`
  std::int64_t column = first;
  Dims index = Dims::filled(outer, 0);
  if (outer > 0) {
    std::int64_t rest = first / width;
    column -= rest * width;
    for (int axis = outer - 1; axis >= 0; --axis) {
      index[axis] = rest % loop.shape[axis];
      rest /= loop.shape[axis];
      for (std::size_t k = 0; k < N; ++k) start[k] += index[axis] * loop.strides[k][axis];
    }
  }
  while (true) {
    const std::int64_t count = std::min(width - column, last - first);
    std::array<std::byte*, N> at = start;
    for (std::size_t k = 0; k < N; ++k) at[k] += column * step[k];
    if constexpr (std::is_invocable_v<Row&, decltype(at)&, decltype(step)&, std::int64_t, std::int64_t>)
      row(at, step, count, first);
    else
      row(at, step, count);
    first += count;
    if (first >= last) return;
    column = 0;
    for (int axis = outer - 1; axis >= 0; --axis) {  // the next row
      for (std::size_t k = 0; k < N; ++k) start[k] += loop.strides[k][axis];
      if (++index[axis] < loop.shape[axis]) break;
      for (std::size_t k = 0; k < N; ++k) start[k] -= loop.strides[k][axis] * loop.shape[axis];
      index[axis] = 0;
    }
  }
}

/// walk() over the whole loop on all threads. Rows are cut where it suits the threads, so `row` must treat
/// each element alone.
template <std::size_t N, class Row>
void run_loop(const Loop<N>& loop, Row&& row, std::int64_t grain = elementwise_grain) {
  const std::int64_t total = loop.shape.product();
  if (total <= grain)
    walk(loop, 0, total, row);
  else
    parallel_for(0, total, grain,
                 [&](std::int64_t first, std::int64_t last) { walk(loop, first, last, row); });
}

/// make_loop and run_loop in one.
template <class Row, class... View>
void for_each_row(Row&& row, const View&... views) {
  run_loop(make_loop(std::array<const TensorView*, sizeof...(View)>{&views...}), row);
}

}  // namespace fornax::cpu
