#pragma once

#include <cmath>
#include <cstdint>

#include "fornax/base/dtype.h"
#include "fornax/base/philox.h"

/// How words become numbers, on every device alike.
namespace fornax::ops {

/// A fraction of 1 with as many bits as T holds; from two words for double, else from one.
template <class T>
constexpr accumulate_t<T> fraction(const std::uint32_t* words) {
  if constexpr (std::is_same_v<T, double>)
    return uniform_double(words[0], words[1]);
  else if constexpr (std::is_same_v<T, Half>)
    return static_cast<float>(words[0] >> 21) * 0x1p-11f;
  else if constexpr (std::is_same_v<T, BFloat16>)
    return static_cast<float>(words[0] >> 24) * 0x1p-8f;
  else
    return uniform_float(words[0]);
}

/// floor(range * (high, low) / 2^64): the upper half of the product, by halves.
constexpr std::uint64_t scaled(std::uint64_t range, std::uint32_t high, std::uint32_t low) {
  const std::uint64_t upper = range >> 32, lower = range & 0xffffffff;
  const std::uint64_t middle = lower * high + (lower * low >> 32);
  const std::uint64_t cross = upper * low + (middle & 0xffffffff);
  return upper * high + (middle >> 32) + (cross >> 32);
}

/// The key by which a permutation sorts an index: the index's two words, of the block that holds them.
constexpr std::uint64_t permutation_key(std::uint64_t seed, std::uint64_t offset, std::uint64_t index) {
  const auto words = philox(seed, index / 2, offset);
  return index % 2 == 0 ? std::uint64_t{words[0]} << 32 | words[1] : std::uint64_t{words[2]} << 32 | words[3];
}

/// The upper 24 bits of a word, as a fraction of 1, are below `p` exactly where they are below this.
inline std::uint32_t threshold_of(double p) { return static_cast<std::uint32_t>(std::ceil(p * 0x1p24)); }

}  // namespace fornax::ops
