#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "fornax/dispatch/tensor_view.h"

/// How kernels walk operands that broadcast against each other, on every device: axes are put in the memory
/// order of the first operand and merged where every operand allows it, so that most calls end as one long
/// row.
namespace fornax::ops {

template <std::size_t N>
struct Loop {
  Shape shape;                     // outermost first, row last
  std::array<Strides, N> strides;  // in bytes
  std::array<std::byte*, N> data;
};

/// The order in which a loop visits elements: that of the first operand's memory, which is the fastest, or
/// the row-major one of the shape, for kernels that ask for an element's index.
enum class Order : std::uint8_t { memory, logical };

/// True if all operands have the first one's shape and strides, and these leave no gaps: then they are one
/// row whatever the strides are.
template <std::size_t N>
bool is_one_row(const std::array<const TensorView*, N>& operands) {
  const TensorView& first = *operands[0];
  std::int64_t extent = 1, count = 1;
  for (int axis = 0; axis < first.rank(); ++axis) {
    const std::int64_t size = first.shape[axis], stride = first.strides[axis];
    for (std::size_t k = 1; k < N; ++k) {
      const TensorView& view = *operands[k];
      if (view.rank() != first.rank() || view.shape[axis] != size || view.strides[axis] != stride)
        return false;
    }
    if (size != 1 && stride < 1) return false;
    extent += (size - 1) * stride;
    count *= size;
  }
  for (std::size_t k = 1; k < N; ++k)
    if (operands[k]->rank() != first.rank()) return false;
  return extent == count;
}

/// A loop over `shape` (that of the first operand); the others broadcast to it.
template <std::size_t N>
Loop<N> make_loop(const std::array<const TensorView*, N>& operands, Order order = Order::memory) {
  const TensorView& first = *operands[0];
  Loop<N> loop;
  if (order == Order::memory && is_one_row(operands)) {
    loop.shape.push_back(first.numel());
    for (std::size_t k = 0; k < N; ++k) {
      loop.data[k] = static_cast<std::byte*>(operands[k]->data);
      loop.strides[k].push_back(static_cast<std::int64_t>(size_of(operands[k]->dtype)));
    }
    return loop;
  }
  const int rank = first.rank();
  std::array<int, max_rank> axes;
  std::iota(axes.begin(), axes.begin() + rank, 0);
  if (order == Order::memory) {
    std::stable_sort(axes.begin(), axes.begin() + rank,
                     [&](int a, int b) { return first.strides[a] > first.strides[b]; });
  }
  std::array<Strides, N> strides;
  for (std::size_t k = 0; k < N; ++k) {
    const TensorView& view = *operands[k];
    loop.data[k] = static_cast<std::byte*>(view.data);
    const int missing = rank - view.rank();
    const auto bytes = static_cast<std::int64_t>(size_of(view.dtype));
    for (int axis = 0; axis < rank; ++axis) {
      const int own = axis - missing;
      const bool repeats = own < 0 || (view.shape[own] == 1 && first.shape[axis] != 1);
      strides[k].push_back(repeats ? 0 : view.strides[own] * bytes);
    }
  }
  for (int i = 0; i < rank; ++i) {
    const int axis = axes[static_cast<std::size_t>(i)];
    if (first.shape[axis] == 1) continue;
    const int last = loop.shape.rank() - 1;
    const bool merges = last >= 0 && [&] {
      for (std::size_t k = 0; k < N; ++k)
        if (loop.strides[k][last] != strides[k][axis] * first.shape[axis]) return false;
      return true;
    }();
    if (merges) {
      loop.shape[last] *= first.shape[axis];
      for (std::size_t k = 0; k < N; ++k) loop.strides[k][last] = strides[k][axis];
    } else {
      loop.shape.push_back(first.shape[axis]);
      for (std::size_t k = 0; k < N; ++k) loop.strides[k].push_back(strides[k][axis]);
    }
  }
  if (loop.shape.empty()) {  // one element
    loop.shape.push_back(1);
    for (std::size_t k = 0; k < N; ++k)
      loop.strides[k].push_back(static_cast<std::int64_t>(size_of(operands[k]->dtype)));
  }
  return loop;
}

}  // namespace fornax::ops
