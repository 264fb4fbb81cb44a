#pragma once

#include "ops/common/team.cuh"

namespace fornax::cuda {

/// A vector operand that scales or shifts elements of T: of T itself or, beside 16 bits, of float; absent:
/// all the same.
template <class T>
struct Factors {
  const void* data = nullptr;
  std::int64_t step = 0;
  bool wide = false, packed = false;

  Factors() = default;
  explicit Factors(const TensorView& view) {
    if (!view.defined()) return;
    data = view.data;
    step = view.shape[0] == 1 ? 1 : view.strides[0];
    wide = view.dtype != dtype_of<T>;
    packed = step == 1 && is_aligned(data, 16);
  }
  __device__ bool defined() const { return data != nullptr; }
  __device__ compute_t<T> operator[](std::int64_t i) const {
    if (wide) return static_cast<const compute_t<T>*>(data)[i * step];
    return convert<compute_t<T>>(static_cast<const T*>(data)[i * step]);
  }
  /// Those of the group that begins at the i-th, a whole multiple of V; `rest` where there are none.
  template <int V>
  __device__ void load(std::int64_t i, int count, compute_t<T> (&to)[V], compute_t<T> rest) const {
    if (!data) count = 0;
    if (!wide) return load_group(static_cast<const T*>(data) + i * step, step, count, packed, to, rest);
    // Of floats beside 16 bits a group is two accesses.
    using A = compute_t<T>;
    constexpr int half = pack_size<A>;
    const A* from = static_cast<const A*>(data) + i * step;
#pragma unroll
    for (int j = 0; j < V; j += half) {
      A part[half];
      load_group(from + j * step, step, count - j, packed, part, rest);
#pragma unroll
      for (int k = 0; k < half; ++k) to[j + k] = part[k];
    }
  }
};

}  // namespace fornax::cuda
