// Policy: as many blocks at once as a register has 64-bit lanes, since a round multiplies 32 by 32 bits
// to 64.
#include "ops/random/words.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace fornax::cpu::FORNAX_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int blocks = 8;
#elif defined(__AVX2__)
constexpr int blocks = 4;
#else
constexpr int blocks = 2;
#endif
/// Each lane holds 32 bits.
using Lanes __attribute__((vector_size(8 * blocks))) = std::uint64_t;

Lanes multiply(const Lanes& a, const Lanes& b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Lanes>(
      _mm512_mul_epu32(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Lanes>(
      _mm256_mul_epu32(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#else
  return a * b;
#endif
}

/// The blocks index, index + 1, ... in the order of their words. See fornax/base/philox.h.
void philox_blocks(std::uint64_t seed, std::uint64_t stream, std::uint64_t index, std::uint32_t* words) {
  constexpr std::uint64_t low = 0xffffffff;
  Lanes counter;
  for (int l = 0; l < blocks; ++l) counter[l] = index + static_cast<std::uint64_t>(l);
  Lanes x0 = counter & low, x1 = counter >> 32, x2 = Lanes{} + (stream & low), x3 = Lanes{} + (stream >> 32);
  std::uint32_t key0 = static_cast<std::uint32_t>(seed), key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const Lanes a = multiply(x0, Lanes{} + 0xD2511F53), b = multiply(x2, Lanes{} + 0xCD9E8D57);
    x0 = (b >> 32) ^ x1 ^ key0;
    x2 = (a >> 32) ^ x3 ^ key1;
    x1 = b & low;
    x3 = a & low;
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  for (int l = 0; l < blocks; ++l) {
    words[4 * l] = static_cast<std::uint32_t>(x0[l]);
    words[4 * l + 1] = static_cast<std::uint32_t>(x1[l]);
    words[4 * l + 2] = static_cast<std::uint32_t>(x2[l]);
    words[4 * l + 3] = static_cast<std::uint32_t>(x3[l]);
  }
}

void words(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::int64_t count,
           std::uint32_t* to) {
  constexpr std::int64_t together = 4 * blocks;
  std::uint64_t block = first / 4;
  std::int64_t skip = static_cast<std::int64_t>(first % 4);
  while (count > 0) {
    if (skip == 0 && count >= together) {
      philox_blocks(seed, stream, block, to);
      to += together;
      count -= together;
    } else {
      std::uint32_t some[together];
      philox_blocks(seed, stream, block, some);
      for (; skip < together && count > 0; --count) *to++ = some[skip++];
      skip = 0;
    }
    block += blocks;
  }
}

}  // namespace

extern const PhiloxKernels philox_kernels = {words};

}  // namespace fornax::cpu::FORNAX_ISA
