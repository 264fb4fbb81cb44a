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
    // Division of 32 bits where all indices and sizes have no more: 64-bit division is some 70 instructions.
    return count <= 0xffffffff ? offsets_by(static_cast<std::uint32_t>(index))
                               : offsets_by(static_cast<std::uint64_t>(index));
  }
  template <class T>
  __device__ T& element(int operand, const Offsets<N>& offsets) const {
    return *reinterpret_cast<T*>(data[operand] + offsets.at[operand]);
  }

 private:
  template <class Index>
  __device__ Offsets<N> offsets_by(Index index) const {
    Offsets<N> result{};
#pragma unroll 1  // else the division is there several times, which makes kernels large
    for (int axis = rank - 1; axis > 0; --axis) {
      const auto size = static_cast<Index>(shape[axis]);
      const Index outer = index / size;
      const auto inner = static_cast<std::int64_t>(index - outer * size);
      for (int k = 0; k < N; ++k) result.at[k] += inner * strides[k][axis];
      index = outer;
    }
    for (int k = 0; k < N; ++k) result.at[k] += static_cast<std::int64_t>(index) * strides[k][0];
    return result;
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
