#include "measure.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <span>
#include <vector>

#include "fornax/base/error.h"

namespace fornax::bench {

double seconds_of(FunctionRef<void()> call, double at_least) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  call();
  std::vector<double> times;
  const Clock::time_point begin = Clock::now();
  while (times.size() < 3 || since(begin) < at_least) {
    const Clock::time_point start = Clock::now();
    call();
    times.push_back(since(start));
  }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  return *middle;
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
