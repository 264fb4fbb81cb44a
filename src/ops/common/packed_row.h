#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "fornax/base/scalar.h"
#include "ops/common/loop.h"

/// How kernels that want adjacent elements run on rows of any strides.
namespace fornax::cpu {

/// One number of any dtype.
struct Value {
  alignas(8) std::byte bytes[8];
};
/// In the type in which a dtype is computed: float for the 16-bit types, else the dtype's own.
Value compute_value(DType dtype, const void* element);
Value compute_value(DType dtype, Scalar scalar);
/// In the dtype itself.
Value element_value(DType dtype, Scalar scalar);
/// An operand of rank 0 that is this value; it must outlive the view.
TensorView view_of(DType dtype, const Value& element);

/// to[i] = from[i] for elements of `size` bytes whose distances are `to_step` and `from_step` bytes.
void copy_strided(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                  std::int64_t size, std::int64_t count);

/// Calls `row(data, count, offset)` on pieces of one row where every operand's elements are adjacent: where
/// they are not, they pass through a buffer. `offset` is the piece's place in the row. Operand 0 is the
/// output, and only that is written. Costs nothing where the steps are the elements' sizes.
template <std::size_t N, class Row>
void packed_row(const std::array<std::byte*, N>& data, const std::array<std::int64_t, N>& steps,
                const std::array<std::int64_t, N>& sizes, std::int64_t count, Row&& row) {
  if (steps == sizes) return row(data, count, std::int64_t{0});
  constexpr std::int64_t piece = 256;
  alignas(64) std::byte buffers[N][piece * 8];
  for (std::int64_t at = 0; at < count; at += piece) {
    const std::int64_t length = std::min(piece, count - at);
    std::array<std::byte*, N> packed;
    for (std::size_t k = 0; k < N; ++k) {
      std::byte* from = data[k] + at * steps[k];
      packed[k] = steps[k] == sizes[k] ? from : buffers[k];
      if (steps[k] == sizes[k] || k == 0 || (steps[k] == 0 && at > 0)) continue;
      copy_strided(buffers[k], sizes[k], from, steps[k], sizes[k], length);
    }
    row(packed, length, at);
    if (steps[0] != sizes[0])
      copy_strided(data[0] + at * steps[0], steps[0], buffers[0], sizes[0], sizes[0], length);
  }
}

/// The element sizes of the operands in bytes.
template <class... View>
std::array<std::int64_t, sizeof...(View)> element_sizes(const View&... views) {
  return {static_cast<std::int64_t>(size_of(views.dtype))...};
}

/// Calls `row(data, count)` on adjacent pieces that cover the operands, the output first, on all threads.
template <class Row, class... View>
void for_each_packed_row(Row&& row, const View&... views) {
  const auto sizes = element_sizes(views...);
  for_each_row(
      [&](const auto& data, const auto& steps, std::int64_t count) {
        packed_row(data, steps, sizes, count,
                   [&](const auto& packed, std::int64_t length, std::int64_t) { row(packed, length); });
      },
      views...);
}

/// Calls `row(data, count, index)`, where `index` is that of the first element in row-major order of the
/// first operand's shape, whatever its strides are.
template <class Row, class... View>
void for_each_indexed_row(Row&& row, const View&... views) {
  const auto sizes = element_sizes(views...);
  run_loop(make_loop(std::array<const TensorView*, sizeof...(View)>{&views...}, Order::logical),
           [&](const auto& data, const auto& steps, std::int64_t count, std::int64_t first) {
             packed_row(data, steps, sizes, count,
                        [&](const auto& packed, std::int64_t length, std::int64_t offset) {
                          row(packed, length, first + offset);
                        });
           });
}

}  // namespace fornax::cpu
