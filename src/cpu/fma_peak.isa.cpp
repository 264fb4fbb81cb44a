#include "cpu/fma_peak.h"

#include "cpu/packet.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

constexpr int chains = 12;  // enough to hide the latency of two units, few enough for 16 registers

template <class T>
double multiply_adds(std::int64_t rounds) {
  Packet<T> sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = broadcast(T(i));
  const Packet<T> factor = broadcast(T(0.5)), term = broadcast(T(1));
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (Packet<T>& chain : sum) chain = multiply_add(chain, factor, term);
  }
  double total = 0;
  for (const Packet<T>& chain : sum) {
    T values[lanes<T>];
    store(values, chain);
    total += values[0];
  }
  return total;
}
template <class T>
constexpr std::int64_t flops = 2 * chains* lanes<T>;

#if defined(__AVX512F__)
/// Called only where the CPU has it.
[[gnu::target("avx512bf16")]] double dot_products(std::int64_t rounds) {
  __m512 sum[chains];
  for (int i = 0; i < chains; ++i) sum[i] = _mm512_set1_ps(static_cast<float>(i));
  const auto ones = (__m512bh)_mm512_set1_epi16(0x3f80);
  for (std::int64_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (__m512& chain : sum) chain = _mm512_dpbf16_ps(chain, ones, ones);
  }
  double total = 0;
  for (const __m512& chain : sum) total += _mm512_cvtss_f32(chain);
  return total;
}
#endif

}  // namespace

extern const PeakKernels peak_kernels = {
    .f64_flops = flops<double>,
    .f32_flops = flops<float>,
    .bf16_flops = 2 * flops<float>,
    .f64 = multiply_adds<double>,
    .f32 = multiply_adds<float>,
#if defined(__AVX512F__)
    .bf16 = dot_products,
#else
    .bf16 = nullptr,
#endif
};

}  // namespace fornax::cpu::FORNAX_ISA
