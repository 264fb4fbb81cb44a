#pragma once

#include "device/loop.cuh"

namespace fornax::cuda {

/// A loop in the order of the first operand's memory, with one operand more: its "offset in bytes" is the
/// element's row-major index.
template <class... View>
LoopArgs<static_cast<int>(sizeof...(View)) + 2> indexed_loop(const TensorView& first, const View&... others) {
  TensorView index = first;
  index.data = nullptr;
  index.dtype = u8;
  index.strides = strides_of(first.shape);
  return loop_args(
      ops::make_loop(std::array<const TensorView*, sizeof...(View) + 2>{&first, &others..., &index}));
}

}  // namespace fornax::cuda
