#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "fornax/base/dtype.h"

/// The inner loops of pooling: one pixel of the result, all its channels, from the pixels ("taps") of a
/// window.
namespace fornax::cpu {

/// Pixels of `length` adjacent channels, each with a number of its own.
template <class S>
struct PoolTaps {
  const S* const* pixels;
  const accumulate_t<S>* numbers;
  std::int64_t count, length;
};

template <class S>
struct PoolKernels {
  using T = accumulate_t<S>;
  /// y = the largest; index[i] = the number of the tap that has it, in u8 or, if `wide`, in i32. index may be
  /// null.
  void (*max)(const PoolTaps<S>&, S* y, void* index, bool wide);
  /// dx = the sum of those channels of the taps whose index is the tap's number.
  void (*max_grad)(const PoolTaps<S>&, const void* const* index, bool wide, S* dx);
  /// y = the sum of tap * number, / divisor.
  void (*weighted_sum)(const PoolTaps<S>&, T divisor, S* y);
};

FORNAX_ISA_TABLE(PoolKernels<double>, pool_f64)
FORNAX_ISA_TABLE(PoolKernels<float>, pool_f32)
FORNAX_ISA_TABLE(PoolKernels<Half>, pool_f16)
FORNAX_ISA_TABLE(PoolKernels<BFloat16>, pool_bf16)

template <class S>
const PoolKernels<S>& pool_kernels() {
  if constexpr (dtype_of<S> == f64)
    return pool_f64();
  else if constexpr (dtype_of<S> == f32)
    return pool_f32();
  else if constexpr (dtype_of<S> == f16)
    return pool_f16();
  else
    return pool_bf16();
}

}  // namespace fornax::cpu
