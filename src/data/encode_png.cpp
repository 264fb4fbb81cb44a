#include <fmt/core.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/data/image_file.h"

namespace fornax::data {
namespace {

/// Pixel by pixel: [height, width, C] in row-major order.
std::vector<std::uint8_t> bytes_of(const Tensor& image) {
  const Tensor pixels = image.detach().permute({1, 2, 0});
  if (image.dtype() == u8) return pixels.to_vector<std::uint8_t>();
  const std::vector<float> values = pixels.to(f32).to_vector<float>();
  std::vector<std::uint8_t> bytes(values.size());
  std::ranges::transform(values, bytes.begin(), [](float value) {
    return value > 0 ? static_cast<std::uint8_t>(std::lround(std::min(value, 1.f) * 255)) : std::uint8_t{0};
  });
  return bytes;
}

}  // namespace

std::vector<std::byte> encode_png(const Tensor& image) {
  if (image.rank() != 3 || (image.size(0) != 1 && image.size(0) != 3) || image.numel() == 0)
    throw ShapeError("encode_png",
                     fmt::format("expected an image [1 or 3,height,width], got {}", describe(image)));
  if (image.dtype() != u8 && !is_floating(image.dtype()))
    throw DTypeError("encode_png", fmt::format("expected u8 or floating values, got {}", describe(image)));
  const std::vector<std::uint8_t> pixels = bytes_of(image);
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.height = static_cast<png_uint_32>(image.size(1));
  header.width = static_cast<png_uint_32>(image.size(2));
  header.format = image.size(0) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  std::vector<std::byte> file(PNG_IMAGE_PNG_SIZE_MAX(header));
  png_alloc_size_t size = file.size();
  if (png_image_write_to_memory(&header, file.data(), &size, 0, pixels.data(), 0, nullptr) == 0)
    throw ShapeError("encode_png", fmt::format("expected an image that a PNG file can hold, got {}: {}",
                                               describe(image), header.message));
  file.resize(size);
  return file;
}

}  // namespace fornax::data
