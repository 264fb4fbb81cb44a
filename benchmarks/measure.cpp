#include "measure.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <span>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/cuda/timer.h"

namespace fornax::bench {

namespace {

/// Median of what `sample` gives: calls it for `at_least` seconds, three times at the least.
double median_of(FunctionRef<double()> sample, double at_least) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  const Clock::time_point begin = Clock::now();
  while (times.size() < 3 || std::chrono::duration<double>(Clock::now() - begin).count() < at_least)
    times.push_back(sample());
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
}

double host_seconds_of(FunctionRef<void()> call, double at_least) {
  call();
  return median_of(
      [&] {
        using Clock = std::chrono::steady_clock;
        const Clock::time_point start = Clock::now();
        call();
        return std::chrono::duration<double>(Clock::now() - start).count();
      },
      at_least);
}

double device_seconds_of(FunctionRef<void()> call, double at_least, Device device) {
  const auto time_of = [&](int calls) {
    const cuda::StreamTimer timer(current_stream(device));
    for (int i = 0; i < calls; ++i) call();
    return timer.seconds();
  };
  int together = 1;  // enough that starting and ending a sample cost nothing
  while (time_of(together) < 2e-3 && together < 1024) together *= 2;
  return median_of([&] { return time_of(together) / together; }, at_least);
}

}  // namespace

double seconds_of(FunctionRef<void()> call, double at_least, Device device) {
  return device.is_cpu() ? host_seconds_of(call, at_least) : device_seconds_of(call, at_least, device);
}

Tensor numbers(const Shape& shape, float low, float high) {
  std::vector<float> values(static_cast<std::size_t>(shape.product()));
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator: good enough to have no pattern
    value = low + (high - low) * static_cast<float>(state >> 8) * 0x1p-24f;
  }
  return from_span<float>(values, shape);
}

void write_json(const std::string& path, const nlohmann::json& value) {
  std::ofstream file(path);
  file << value.dump(2) << '\n';
  if (!file.flush()) throw IoError(path, "expected to write the result, got an error");
}

}  // namespace fornax::bench
