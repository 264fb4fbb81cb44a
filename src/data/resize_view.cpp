#include "data/resize_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "fornax/base/error.h"

namespace fornax::data {
namespace {

ResizeAxis whole(std::int64_t length, std::int64_t size) {
  return {.length = length, .size = size, .count = size};
}

}  // namespace

Pair resized_size(std::int64_t height, std::int64_t width, std::int64_t shorter) {
  const auto longer = static_cast<std::int64_t>(static_cast<double>(shorter * std::max(height, width)) /
                                                static_cast<double>(std::min(height, width)));
  return height <= width ? Pair(shorter, longer) : Pair(longer, shorter);
}

std::int64_t center_begin(std::int64_t all, std::int64_t length) {
  return rounded(static_cast<double>(all - length) / 2);
}

ResizeView whole_view(std::int64_t height, std::int64_t width, Pair size) {
  return {.rows = whole(height, size.h), .columns = whole(width, size.w)};
}

ResizeView center_view(std::int64_t height, std::int64_t width, std::int64_t shorter, std::int64_t size) {
  const Pair resized = resized_size(height, width, shorter);
  ResizeView view = whole_view(height, width, resized);
  for (ResizeAxis* const axis : {&view.rows, &view.columns}) {
    axis->first = center_begin(axis->size, size);
    axis->count = size;
  }
  return view;
}

ResizeView region_view(const Region& region, Pair size) {
  ResizeView view = whole_view(region.height, region.width, size);
  view.rows.begin = region.top;
  view.columns.begin = region.left;
  return view;
}

void check_random_resized_crop(const char* op, const RandomResizedCropOptions& options) {
  if (!(options.min_scale > 0 && options.min_scale <= options.max_scale && options.max_scale <= 1) ||
      !(options.min_ratio > 0 && options.min_ratio <= options.max_ratio && std::isfinite(options.max_ratio)))
    throw ValueError(op,
                     fmt::format("expected 0 < min_scale <= max_scale <= 1 and 0 < min_ratio <= max_ratio, "
                                 "got scales {} and {} and ratios {} and {}",
                                 options.min_scale, options.max_scale, options.min_ratio, options.max_ratio));
}

// torchvision's RandomResizedCrop.get_params: ten tries, then as much of the middle as the ratios allow.
Region random_region(std::int64_t height, std::int64_t width, const RandomResizedCropOptions& options,
                     SampleRandom& random) {
  const auto uniform = [&random](double low, double high) { return low + (high - low) * random.uniform(); };
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  for (int tries = 0; tries < 10; ++tries) {
    const double area = h * w * uniform(options.min_scale, options.max_scale);
    const double ratio = std::exp(uniform(std::log(options.min_ratio), std::log(options.max_ratio)));
    const std::int64_t rows = rounded(std::sqrt(area / ratio)), columns = rounded(std::sqrt(area * ratio));
    if (rows < 1 || rows > height || columns < 1 || columns > width) continue;
    const std::int64_t top = random.below(height - rows + 1), left = random.below(width - columns + 1);
    return {top, left, rows, columns};
  }
  std::int64_t rows = height, columns = width;
  if (w / h < options.min_ratio)
    rows = std::clamp<std::int64_t>(rounded(w / options.min_ratio), 1, height);
  else if (w / h > options.max_ratio)
    columns = std::clamp<std::int64_t>(rounded(h * options.max_ratio), 1, width);
  return {(height - rows) / 2, (width - columns) / 2, rows, columns};
}

}  // namespace fornax::data
