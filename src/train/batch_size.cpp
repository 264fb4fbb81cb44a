#include "fornax/train/batch_size.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "train/memory.h"

namespace fornax::train {
namespace {

constexpr double share_of_available = 0.8;

/// The most bytes in use while a step of `samples` was made.
double peak_of(Device device, const std::function<void(std::int64_t)>& step, std::int64_t samples) {
  reset_peak(device);
  step(samples);
  return static_cast<double>(peak_in_use(device));
}

}  // namespace

std::int64_t find_batch_size(Device device, const std::function<void(std::int64_t)>& step,
                             const BatchSizeOptions& options) {
  if (options.at_most < 1)
    throw ValueError("find_batch_size",
                     fmt::format("expected at_most of 1 or more, got {}", options.at_most));
  const double free = options.memory ? static_cast<double>(*options.memory)
                                     : share_of_available * static_cast<double>(available(device));
  const double limit = static_cast<double>(in_use(device)) + free;
  std::int64_t samples = 1;
  try {
    constexpr std::int64_t few = 4, more = 8;
    const double least = peak_of(device, step, few), most = peak_of(device, step, more);
    const double of_one = (most - least) / (more - few), fixed = least - of_one * few;
    while (2 * samples <= options.at_most && fixed + of_one * static_cast<double>(2 * samples) <= limit)
      samples *= 2;
    if (device.is_cpu()) return samples;  // whose system would rather end the program than refuse memory
  } catch (const OutOfMemory&) {
    samples = 4;
  }
  for (;; samples /= 2) {
    try {
      step(samples);
      return samples;
    } catch (const OutOfMemory&) {
      if (samples == 1) throw;
    }
  }
}

}  // namespace fornax::train
