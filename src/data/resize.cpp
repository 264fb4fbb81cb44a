#include "fornax/data/resize.h"

#include <fmt/core.h>

#include <algorithm>

#include "data/resize_view.h"
#include "data/resizer.h"
#include "fornax/base/error.h"

namespace fornax::data {
namespace {

void check_size(const char* op, std::int64_t height, std::int64_t width) {
  if (std::min(height, width) < 1)
    throw ValueError(op, fmt::format("expected sizes of 1 or more, got {}x{}", height, width));
}

void check_image(const char* op, const Tensor& x) {
  if (x.rank() != 3 || x.numel() == 0)
    throw ShapeError(
        op,
        fmt::format("expected an image [channels,height,width] of sizes of 1 or more, got {}", describe(x)));
  if (!x.device().is_cpu())
    throw DeviceError(op, fmt::format("expected an image on the CPU, got {}", describe(x)));
}

Tensor resized(const char* op, const Tensor& x,
               FunctionRef<ResizeView(std::int64_t height, std::int64_t width)> choose) {
  check_image(op, x);
  if (x.dtype() != u8) throw DTypeError(op, fmt::format("expected an image of u8, got {}", describe(x)));
  const std::int64_t channels = x.shape()[0], height = x.shape()[1], width = x.shape()[2];
  const ResizeView view = choose(height, width);
  Resizer resizer(view, channels);
  const Region source = resizer.source();
  const Tensor image = x.permute({1, 2, 0}).contiguous();
  const auto* row = image.data<std::uint8_t>() + (source.top * width + source.left) * channels;
  for (std::int64_t y = 0; y < source.height; ++y, row += width * channels) resizer.add(row);
  Tensor y = empty({view.rows.count, view.columns.count, channels}, {.dtype = u8});
  resizer.write(y.data<std::uint8_t>());
  return y.permute({2, 0, 1});
}

}  // namespace

Transform resize(std::int64_t size) {
  check_size("resize", size, size);
  return [size](const Tensor& x, SampleRandom&) {
    return resized("resize", x, [size](std::int64_t height, std::int64_t width) {
      return whole_view(height, width, resized_size(height, width, size));
    });
  };
}

Transform resize(std::int64_t height, std::int64_t width) {
  check_size("resize", height, width);
  return [size = Pair(height, width)](const Tensor& x, SampleRandom&) {
    return resized("resize", x, [size](std::int64_t h, std::int64_t w) { return whole_view(h, w, size); });
  };
}

Transform random_resized_crop(std::int64_t height, std::int64_t width,
                              const RandomResizedCropOptions& options) {
  check_size("random_resized_crop", height, width);
  check_random_resized_crop("random_resized_crop", options);
  return [size = Pair(height, width), options](const Tensor& x, SampleRandom& random) {
    return resized("random_resized_crop", x, [&](std::int64_t h, std::int64_t w) {
      return region_view(random_region(h, w, options, random), size);
    });
  };
}

}  // namespace fornax::data
