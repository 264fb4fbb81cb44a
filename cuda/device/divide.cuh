#pragma once

#include <cstdint>

#include "device/cuda.cuh"

// Division of indices by sizes that are known at launch: a multiplication instead of some 20 instructions.
namespace fornax::cuda {

/// Divides numbers below 2^31 by a fixed one (Granlund and Montgomery). Can be made on either side.
struct Divider {
  std::uint32_t divisor = 1, factor = 1, shift = 0;

  Divider() = default;
  /// `by` must be above zero and below 2^31.
  constexpr explicit Divider(std::int64_t by) : divisor(static_cast<std::uint32_t>(by)) {
    while ((1u << shift) < divisor) ++shift;
    const std::uint64_t excess = (std::uint64_t{1} << shift) - divisor;
    factor = static_cast<std::uint32_t>((excess << 32) / divisor + 1);
  }
  constexpr std::uint32_t divide(std::uint32_t n) const {
    return (static_cast<std::uint32_t>((std::uint64_t{n} * factor) >> 32) + n) >> shift;
  }
};

/// An index of three digits, the first of any size, the last the fastest.
struct Digits {
  Divider middle, last;

  struct Values {
    int at[3];
  };
  Digits() = default;
  constexpr Digits(std::int64_t middle_size, std::int64_t last_size) : middle(middle_size), last(last_size) {}
  constexpr Values split(std::uint32_t index) const {
    const std::uint32_t rest = last.divide(index), first = middle.divide(rest);
    return {{static_cast<int>(first), static_cast<int>(rest - first * middle.divisor),
             static_cast<int>(index - rest * last.divisor)}};
  }
};

}  // namespace fornax::cuda
