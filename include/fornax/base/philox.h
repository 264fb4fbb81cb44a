#pragma once

#include <array>
#include <cstdint>

namespace fornax {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): a pure function
/// from a key and a 128-bit counter to 128 random bits. Whoever knows the seed and the index of an element
/// computes its number, on any thread and any device, so there is no state to share or to order.
///
/// `seed` is the key; `index` and `stream` are the two halves of the counter: use `index` for what counts
/// elements and `stream` for what keeps independent sequences apart.
constexpr std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t index,
                                              std::uint64_t stream = 0) {
  std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  std::array<std::uint32_t, 4> x = {
      static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
      static_cast<std::uint32_t>(stream), static_cast<std::uint32_t>(stream >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * x[0], b = std::uint64_t{0xCD9E8D57} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32) ^ x[1] ^ key[0], static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32) ^ x[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return x;
}

/// Uniform in [0, 1), from 32 random bits: the upper 24, which a float holds exactly.
constexpr float uniform_float(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24f; }
/// Uniform in [0, 1), from 64 random bits: the upper 53.
constexpr double uniform_double(std::uint32_t high, std::uint32_t low) {
  return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
}

}  // namespace fornax
