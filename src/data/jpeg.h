#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // which jpeglib.h leaves to us
#include <span>
#include <string_view>
#include <vector>

#include <jpeglib.h>

#include "data/region.h"
#include "fornax/data/image_file.h"

namespace fornax::data {

/// The length of `length` pixels at eighths/8 of their size, as libjpeg rounds.
constexpr std::int64_t scaled(std::int64_t length, int eighths) { return (length * eighths + 7) / 8; }

/// Decodes one JPEG file to RGB, row by row. Throws IoError.
class JpegDecoder {
 public:
  /// Reads the header. `bytes` and `file` must outlive this.
  JpegDecoder(std::span<const std::byte> bytes, std::string_view file, const DecodeOptions& options);

  /// As the file has them, whatever the orientation.
  std::int64_t height() const { return handle_.info.image_height; }
  std::int64_t width() const { return handle_.info.image_width; }
  /// EXIF's: 1, upright, to 8.
  int orientation() const;
  /// How much coarser colour is kept in one direction than in the other, 1, 2 or 4: 2 for 4:2:2, 1 for 4:2:0.
  /// As much coarser it comes out at a reduced size, where libjpeg scales both directions alike.
  int colour_stretch() const;

  /// Begins to decode `region` of the image at eighths/8 (1, 2, 4, 8) of its size. Its pixels are those that
  /// they are in the whole image. Once.
  void start(int eighths, const Region& region);
  /// The next row of the region, valid until the next call.
  const std::uint8_t* next_row();

 private:
  struct Errors {
    jpeg_error_mgr manager;  // first: libjpeg hands out its address
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
    bool allow_damage;
  };
  struct Handle {
    jpeg_decompress_struct info{};  // zeroed, it can be destroyed
    Handle() = default;
    ~Handle() { jpeg_destroy_decompress(&info); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
  };

  template <class Body>
  void attempt(const Body& body);
  [[noreturn]] static void fail(j_common_ptr info);
  static void emit_message(j_common_ptr info, int level);
  static void check_scans(j_common_ptr info);

  std::string_view file_;
  Errors errors_{};
  jpeg_progress_mgr progress_{};
  Handle handle_;
  Region region_;
  std::int64_t first_column_ = 0;  ///< of what libjpeg gives
  std::vector<std::uint8_t> row_;  ///< as libjpeg gives it
  std::vector<std::uint8_t> rgb_;  ///< of CMYK: the region's row
};

}  // namespace fornax::data
