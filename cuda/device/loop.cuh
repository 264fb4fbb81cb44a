#pragma once

#include <array>
#include <cstdint>

#include "device/cuda.cuh"
#include "ops/common/loop_plan.h"

// How a thread finds the operands' elements from an index: the loop that the CPU kernels walk
// (ops/common/loop_plan.h), as a kernel argument.
namespace fornax::cuda {

/// Offsets in bytes of one position, by operand.
template <int N>
struct Offsets {
  std::int64_t at[N];
};

template <int N>
struct LoopArgs {
  int rank;
  std::int64_t count;  // elements in all
  std::int64_t shape[max_rank];
  std::int64_t strides[N][max_rank];  // in bytes
  std::byte* data[N];

  /// `index` counts in the loop's order, the last axis fastest.
  __device__ Offsets<N> offsets(std::int64_t index) const {
    Offsets<N> result{};
    for (int axis = rank - 1; axis > 0; --axis) {
      // Division of 32 bits where the index allows it: 64-bit division is a call of some 70 instructions.
      std::int64_t outer, inner;
      if (index <= 0xffffffff) {
        const auto narrow = static_cast<std::uint32_t>(index), size = static_cast<std::uint32_t>(shape[axis]);
        outer = narrow / size;
        inner = narrow % size;
      } else {
        outer = index / shape[axis];
        inner = index % shape[axis];
      }
      for (int k = 0; k < N; ++k) result.at[k] += inner * strides[k][axis];
      index = outer;
    }
    for (int k = 0; k < N; ++k) result.at[k] += index * strides[k][0];
    return result;
  }
  template <class T>
  __device__ T& element(int operand, const Offsets<N>& offsets) const {
    return *reinterpret_cast<T*>(data[operand] + offsets.at[operand]);
  }
};

template <std::size_t N>
LoopArgs<static_cast<int>(N)> loop_args(const ops::Loop<N>& loop) {
  LoopArgs<static_cast<int>(N)> args{};
  args.rank = loop.shape.rank();
  args.count = loop.shape.product();
  for (int axis = 0; axis < args.rank; ++axis) {
    args.shape[axis] = loop.shape[axis];
    for (std::size_t k = 0; k < N; ++k) args.strides[k][axis] = loop.strides[k][axis];
  }
  for (std::size_t k = 0; k < N; ++k) args.data[k] = loop.data[k];
  return args;
}

}  // namespace fornax::cuda
