#pragma once

#include <cstdint>

#include "cpu/isa.h"

/// One row of layer_norm; T is float or double; weight and bias may be null.
namespace fornax::cpu {

template <class T>
struct LayerNormRow {
  T mean, rstd;
};

template <class T>
struct LayerNormKernels {
  LayerNormRow<T> (*forward)(const T* x, const T* weight, const T* bias, double eps, T* y,
                             std::int64_t length);
  void (*grad_input)(const T* dy, const T* x, const T* weight, LayerNormRow<T> row, T* dx,
                     std::int64_t length);
  /// Adds this row's share.
  void (*grad_affine)(const T* dy, const T* x, LayerNormRow<T> row, T* dweight, T* dbias,
                      std::int64_t length);
};
FORNAX_ISA_TABLE(LayerNormKernels<float>, layer_norm_kernels_f32)
FORNAX_ISA_TABLE(LayerNormKernels<double>, layer_norm_kernels_f64)

}  // namespace fornax::cpu
