#include "data/png.h"

#include <fmt/core.h>

#include <cstring>

#include "data/longjmp.h"
#include "fornax/base/error.h"

namespace fornax::data {

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

}  // namespace fornax::data
