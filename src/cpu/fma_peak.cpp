#include "cpu/fma_peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "fornax/base/parallel.h"

namespace fornax::cpu {
namespace {

bool has_bf16_dot_products() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

}  // namespace

double fma_peak(DType dtype) {
  const IsaGuard widest(best_isa());
  const PeakKernels& kernels = peak_kernels();
  auto run = dtype == f64 ? kernels.f64 : kernels.f32;
  std::int64_t flops = dtype == f64 ? kernels.f64_flops : kernels.f32_flops;
  if (dtype == bf16 && kernels.bf16 && has_bf16_dot_products()) {
    run = kernels.bf16;
    flops = kernels.bf16_flops;
  }
  constexpr std::int64_t rounds = 400'000;
  const std::int64_t pieces = 4 * num_threads();
  std::atomic<double> sink = 0;
  double best = 0;
  for (int i = 0; i < 16; ++i) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(0, pieces, 1,
                 [&](std::int64_t first, std::int64_t last) { sink = run((last - first) * rounds); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(pieces * rounds * flops) / seconds.count() / 1e9);
  }
  return best;
}

}  // namespace fornax::cpu
