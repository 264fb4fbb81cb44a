#include "data/png.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "data/longjmp.h"
#include "fornax/base/error.h"

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

template <class Body>
void PngDecoder::attempt(const Body& body) {
  if (!completes(errors_.jump, body))
    throw IoError(file_, fmt::format("expected a sound PNG file, got: {}", errors_.message));
}

void PngDecoder::fail(png_structp png, png_const_charp message) {
  auto& errors = *static_cast<Errors*>(png_get_error_ptr(png));
  std::strncpy(errors.message, message, sizeof errors.message - 1);
  std::longjmp(errors.jump, 1);  // NOLINT(cert-err52-cpp): libpng does not return from errors
}

void PngDecoder::take_bytes(png_structp png, png_bytep out, std::size_t size) {
  auto& left = *static_cast<std::span<const std::byte>*>(png_get_io_ptr(png));
  if (size > left.size()) png_error(png, "the end of a truncated file");
  std::memcpy(out, left.data(), size);
  left = left.subspan(size);
}

PngDecoder::PngDecoder(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options)
    : file_(file), left_(bytes) {
  png_structp& png = handle_.png;
  png_infop& info = handle_.info;
  attempt([&] {
    // Warnings are of metadata, which we do not read.
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &errors_, fail, [](png_structp, png_const_charp) {});
    info = png ? png_create_info_struct(png) : nullptr;
    if (!info) return;
    png_set_read_fn(png, &left_, take_bytes);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);  // all of metadata
    png_read_info(png, info);
    height_ = png_get_image_height(png, info);
    width_ = png_get_image_width(png, info);
  });
  if (!info) throw IoError(file, "expected to start libpng, got no memory");
  if (height_ * width_ > options.max_pixels)
    throw IoError(file, fmt::format("expected an image of at most {} pixels, got one of {}x{}",
                                    options.max_pixels, height_, width_));
  attempt([&] {
    png_set_expand(png);  // palettes, fewer than 8 bits, a transparent colour
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
    passes_ = png_set_interlace_handling(png);
    png_read_update_info(png, info);
  });
  if (png_get_rowbytes(png, info) != static_cast<std::size_t>(width_) * 3)
    throw InternalError("png", fmt::format("expected rows of {} pixels of 3 bytes, got {} bytes", width_,
                                           png_get_rowbytes(png, info)));
}

void PngDecoder::read(std::uint8_t* pixels) {
  attempt([&] {
    for (int pass = 0; pass < passes_; ++pass)
      for (std::int64_t y = 0; y < height_; ++y) png_read_row(handle_.png, pixels + y * width_ * 3, nullptr);
    png_read_end(handle_.png, nullptr);
  });
}

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
