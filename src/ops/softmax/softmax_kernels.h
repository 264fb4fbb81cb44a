#pragma once

#include <cstdint>

#include "cpu/isa.h"

/// One row of softmax and its relatives; T is float or double. Sums are kept in double between blocks.
namespace fornax::cpu {

template <class T>
struct SoftmaxKernels {
  void (*softmax)(const T* x, T* y, std::int64_t length);
  void (*log_softmax)(const T* x, T* y, std::int64_t length);
  void (*softmax_grad)(const T* dy, const T* y, T* dx, std::int64_t length);
  void (*log_softmax_grad)(const T* dy, const T* y, T* dx, std::int64_t length);
  double (*logsumexp)(const T* x, std::int64_t length);
  /// The sum of w x; of x alone if w is null.
  double (*weighted_sum)(const T* x, const T* w, std::int64_t length);
  /// dx = a exp(x - shift) - b w; w = 1 if null.
  void (*scaled_exp)(const T* x, T shift, T a, const T* w, T b, T* dx, std::int64_t length);
};
FORNAX_ISA_TABLE(SoftmaxKernels<float>, softmax_kernels_f32)
FORNAX_ISA_TABLE(SoftmaxKernels<double>, softmax_kernels_f64)

template <class T>
const SoftmaxKernels<T>& softmax_kernels() {
  if constexpr (sizeof(T) == sizeof(double))
    return softmax_kernels_f64();
  else
    return softmax_kernels_f32();
}

}  // namespace fornax::cpu
