#include "data/image_parts.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax::data {

void check_statistics(const char* op, const std::vector<float>& mean, const std::vector<float>& stddev,
                      std::int64_t channels) {
  for (const std::size_t given : {mean.size(), stddev.size()})
    if (given != 1 && given != static_cast<std::size_t>(channels))
      throw ValueError(op, fmt::format("expected 1 or {} means and standard deviations, got {} and {}",
                                       channels, mean.size(), stddev.size()));
  if (std::ranges::find(stddev, 0.f) != stddev.end())
    throw ValueError(op, "expected standard deviations other than 0, got 0");
}

Tensor per_channel(const std::vector<float>& values, std::int64_t channels) {
  return values.size() == 1 ? full({channels}, values[0]) : from_span<float>(values, {channels});
}

Batch join_images(std::span<const Tensor> parts, NormalizeImagesOptions options, MemoryFormat format) {
  if (parts.size() > Part::flip) {
    options.offsets = parts[Part::offsets];
    options.flip = parts[Part::flip];
  }
  const Tensor x = parts[Part::bytes].permute({0, 3, 1, 2});
  return {normalize_images(x, parts[Part::mean], parts[Part::stddev], options).to(format),
          parts[Part::labels]};
}

}  // namespace fornax::data
