#pragma once

#include <concepts>
#include <cstdint>

#include "device/cuda.cuh"
#include "fornax/base/dtype.h"
#include "fornax/base/half.h"

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

// Half and BFloat16 are storage: kernels load them as float and round once when they store.
namespace fornax::cuda {

#if defined(__CUDACC__)
__device__ inline float to_float(Half value) { return __half2float(__ushort_as_half(value.bits)); }
__device__ inline float to_float(BFloat16 value) {
  return __uint_as_float(static_cast<unsigned>(value.bits) << 16);
}
__device__ inline void round_to(float value, Half& result) {
  result.bits = __half_as_ushort(__float2half_rn(value));
}
__device__ inline void round_to(float value, BFloat16& result) {
  result.bits = __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
#else
inline float to_float(Half value) { return value; }
inline float to_float(BFloat16 value) { return value; }
inline void round_to(float value, Half& result) { result = Half(value); }
inline void round_to(float value, BFloat16& result) { result = BFloat16(value); }
#endif

template <class T>
inline constexpr bool is_16bit_type = std::same_as<T, Half> || std::same_as<T, BFloat16>;

/// The type in which elements of T are computed: float for 16 bits, else T itself.
template <class T>
using compute_t = std::conditional_t<is_16bit_type<T>, float, T>;

/// Of a float or double: x - x is zero for finite numbers alone.
template <class A>
__device__ inline bool is_finite(A x) {
  return x - x == 0;
}

/// `value` as To, by way of float where a 16-bit type is involved. Rounds to nearest even; to bool: != 0.
template <class To, class From>
__device__ inline To convert(From value) {
  if constexpr (std::same_as<To, From>) {
    return value;
  } else if constexpr (is_16bit_type<From>) {
    return convert<To>(to_float(value));
  } else if constexpr (is_16bit_type<To>) {
    To result;
    round_to(static_cast<float>(value), result);
    return result;
  } else if constexpr (std::same_as<To, bool>) {
    return value != From(0);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace fornax::cuda
