#pragma once

#include <cstdint>

#include "device/cuda.cuh"

namespace fornax::cuda {

/// a / b for a >= 0 and b > 0, in 32 bits where both allow it: 64-bit division is a call of some 70
/// instructions.
__device__ inline std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if (((a | b) >> 32) == 0) return static_cast<std::uint32_t>(a) / static_cast<std::uint32_t>(b);
  return a / b;
}

/// Takes the last digit off a number whose lowest digit counts to `base`: index becomes index / base, the
/// result is the remainder.
__device__ inline std::int64_t take_digit(std::int64_t& index, std::int64_t base) {
  const std::int64_t rest = quotient(index, base), digit = index - rest * base;
  index = rest;
  return digit;
}

/// Rounded up, on the host.
constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace fornax::cuda
