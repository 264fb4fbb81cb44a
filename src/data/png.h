#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <png.h>

#include "fornax/data/image_file.h"

namespace fornax::data {

/// Decodes one PNG file to RGB. Throws IoError.
class PngDecoder {
 public:
  /// Reads up to the pixels. `bytes` and `file` must outlive this.
  PngDecoder(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options);

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }
  /// Writes all pixels, [height, width, 3]. Once.
  void read(std::uint8_t* pixels);

 private:
  struct Errors {
    std::jmp_buf jump;
    char message[128];
  };
  struct Handle {
    png_structp png = nullptr;
    png_infop info = nullptr;
    Handle() = default;
    ~Handle() { png_destroy_read_struct(&png, &info, nullptr); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
  };

  template <class Body>
  void attempt(const Body& body);
  [[noreturn]] static void fail(png_structp png, png_const_charp message);
  static void take_bytes(png_structp png, png_bytep out, std::size_t size);

  std::string_view file_;
  std::span<const std::byte> left_;  ///< of the file
  Errors errors_{};
  Handle handle_;
  std::int64_t height_ = 0, width_ = 0;
  int passes_ = 1;
};

}  // namespace fornax::data
