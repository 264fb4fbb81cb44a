#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "ops/common/loop.h"

/// How CPU kernels that work on whole rows (softmax, cross-entropy) walk tensors: a row is what lies along
/// one axis, and inner loops see it as adjacent elements of the type it is computed in.
namespace fornax::cpu {

/// One row: its elements in each row operand, and the element that each scalar operand has for it.
template <class T, int Out, int In, int Scalars>
struct Row {
  std::array<T*, Out> out;
  std::array<const T*, In> in;
  std::array<std::byte*, Scalars> scalar;
  std::int64_t length;
};

/// A tensor as rows of T: used in place if its rows are that, else copied to a buffer and back.
template <class T>
struct RowOperand {
  TensorView firsts;  // the first element of each row
  std::int64_t length, step;
  Copy copy_in, copy_out;

  RowOperand(const TensorView& view, int axis)
      : firsts(view),
        length(view.shape[axis]),
        step(length == 1 ? 1 : view.strides[axis]),
        copy_in(copy_to_compute(view.dtype)),
        copy_out(copy_from_compute(view.dtype)) {
    firsts.shape.erase(axis);
    firsts.strides.erase(axis);
  }
  bool in_place() const { return step == 1 && firsts.dtype == dtype_of<T>; }
  std::int64_t elements(std::int64_t bytes) const {
    return bytes / static_cast<std::int64_t>(size_of(firsts.dtype));
  }
  void load(const std::byte* from, std::int64_t distance, std::int64_t rows, T* buffer) const {
    copy_in(from, distance, step, buffer, length, rows, length);
  }
  /// Needs elements that are adjacent either along the rows or across them.
  void store(const T* buffer, std::byte* to, std::int64_t distance, std::int64_t rows) const {
    if (step == 1)
      copy_out(buffer, length, 1, to, distance, rows, length);
    else
      copy_out(buffer, 1, length, to, step, length, rows);
  }
};

/// Calls body(const Row<T, Out, In, Scalars>&) for each row along `axis`, on all threads. `out` and `in` have
/// one shape and are computed in T; outputs are dense in some order of their axes; `scalars` have that shape
/// without the axis. A body must not depend on other rows.
template <class T, int Out, int In, int Scalars, class Body>
void for_rows(int axis, const std::array<TensorView, Out>& out, const std::array<TensorView, In>& in,
              const std::array<TensorView, Scalars>& scalars, Body&& body) {
  constexpr int row_count = Out + In, count = row_count + Scalars;
  const auto operand = [&]<int... K>(std::integer_sequence<int, K...>) {
    return std::array{RowOperand<T>(K < Out ? out[K] : in[K - Out], axis)...};
  }
  (std::make_integer_sequence<int, row_count>());
  std::array<const TensorView*, count> views;
  bool in_place = true;
  for (int k = 0; k < row_count; ++k) {
    views[k] = &operand[k].firsts;
    in_place = in_place && operand[k].in_place();
  }
  for (int k = 0; k < Scalars; ++k) views[row_count + k] = &scalars[k];

  const std::int64_t length = operand[0].length;
  // Rows that lie side by side pass through the buffer together, so that each cache line is read once.
  const std::int64_t height = std::clamp<std::int64_t>(8192 / (length + 1), 16, 64);
  const auto rows = [&](const auto& data, const auto& steps, std::int64_t total) {
    const Scratch scratch = Scratch::of<T>(in_place ? 0 : row_count * height * length);
    for (std::int64_t first = 0; first < total; first += height) {
      const std::int64_t here = std::min(height, total - first);
      std::array<std::byte*, row_count> at;
      std::array<T*, row_count> block;
      std::array<std::int64_t, row_count> distance;
      for (int k = 0; k < row_count; ++k) {
        at[k] = data[k] + first * steps[k];
        distance[k] = operand[k].elements(steps[k]);
        block[k] = reinterpret_cast<T*>(at[k]);
        if (operand[k].in_place()) continue;
        block[k] = scratch.as<T>() + k * height * length;
        if (k >= Out) operand[k].load(at[k], distance[k], here, block[k]);
      }
      for (std::int64_t r = 0; r < here; ++r) {
        const auto row_of = [&](int k) {
          return block[k] + r * (operand[k].in_place() ? distance[k] : length);
        };
        Row<T, Out, In, Scalars> row;
        row.length = length;
        for (int k = 0; k < Out; ++k) row.out[k] = row_of(k);
        for (int k = 0; k < In; ++k) row.in[k] = row_of(Out + k);
        for (int k = 0; k < Scalars; ++k)
          row.scalar[k] = data[row_count + k] + (first + r) * steps[row_count + k];
        body(static_cast<const Row<T, Out, In, Scalars>&>(row));
      }
      for (int k = 0; k < Out; ++k)
        if (!operand[k].in_place()) operand[k].store(block[k], at[k], distance[k], here);
    }
  };
  run_loop(make_loop(views), rows, 1 + elementwise_grain / (length + 1));
}

}  // namespace fornax::cpu
