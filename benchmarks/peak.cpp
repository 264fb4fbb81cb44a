#include "peak.h"

#include "cpu/fma_peak.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/ops/create.h"
#include "fornax/ops/matmul.h"
#include "measure.h"

namespace fornax::bench {
namespace {

constexpr double long_enough = 0.01;  // seconds of a call, or the largest size

}  // namespace

double peak_gflops(DType dtype, Device device) {
  if (device.is_cpu()) return cpu::fma_peak(dtype);
  const NoGrad no_grad;
  for (std::int64_t size = 128;; size *= 2) {
    const Tensor a = numbers({size, size}).to(device).to(dtype);
    const double seconds = seconds_of([&] { matmul(a, a); }, 0, device);
    if (seconds >= long_enough || size == 16384) {
      const auto n = static_cast<double>(size);
      return 2e-9 * n * n * n / seconds;
    }
  }
}

double peak_gb_per_s(Device device) {
  const NoGrad no_grad;
  for (std::int64_t size = 1 << 16;; size *= 2) {
    const Tensor x = zeros({size}, {.device = device});
    const double seconds = seconds_of([&] { x.clone(); }, 0, device);
    if (seconds >= long_enough || size == 1 << 28)
      return 2e-9 * static_cast<double>(size) * sizeof(float) / seconds;
  }
}

}  // namespace fornax::bench
