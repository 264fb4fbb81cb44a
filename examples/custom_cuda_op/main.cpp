// An op with a CUDA kernel of your own, checked: its gradients against finite differences, and the GPU (or
// the simulated device) against the CPU. docs/add_an_op.md explains the files.
#include <cstdio>

#include "fornax/fornax.h"
#include "rms_norm.h"

namespace fx = fornax;

int main() try {
  const fx::Device device = fx::best_device();
  std::printf("rms_norm on %s\n", to_string(device).c_str());

  fx::Tensor x = fx::randn({3, 10}, {.dtype = fx::f64}).set_requires_grad();
  fx::Tensor weight = fx::randn({10}, {.dtype = fx::f64}).set_requires_grad();
  const auto check = fx::autograd::gradcheck(
      [&](auto inputs) { return rms_norm(inputs[0].to(device), inputs[1].to(device)).to(fx::Device::cpu()); },
      {x, weight});
  std::printf("gradcheck: %s\n", check.passed ? "passed" : check.message.c_str());

  const fx::Tensor rows = fx::randn({64, 1000}), ones = fx::ones({1000});
  const fx::Tensor here = rms_norm(rows, ones), there = rms_norm(rows.to(device), ones.to(device));
  const double difference = fx::amax(fx::abs(there.to(fx::Device::cpu()) - here)).item();
  std::printf("largest difference from the CPU: %.1e\n", difference);
  return check.passed && difference < 1e-5 ? 0 : 1;
} catch (const fx::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
