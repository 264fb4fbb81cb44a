#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include <jpeglib.h>

/// Image files for tests.
namespace fornax::test {

/// [height, width, channels] of slopes and waves with some noise; another `seed` moves them.
std::vector<std::uint8_t> picture(std::int64_t height, std::int64_t width, std::int64_t channels = 3,
                                  int seed = 0);

struct JpegOptions {
  int quality = 85;
  int across = 2, down = 2;  ///< pixels to one of colour
  bool progressive = false;
  unsigned restart = 0;              ///< rows of blocks between restart markers; 0: none
  J_COLOR_SPACE pixels = JCS_RGB;    ///< what is given: JCS_GRAYSCALE, JCS_RGB, JCS_CMYK
  J_COLOR_SPACE file = JCS_UNKNOWN;  ///< as what it is kept, such as JCS_YCCK; JCS_UNKNOWN: as libjpeg likes
};
std::string encode_jpeg(const std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width,
                        const JpegOptions& options = {});
/// Of the picture of this seed, 40 + seed high and 60 - seed wide.
std::string small_jpeg(int seed);

/// The JPEG with an EXIF block of this content behind its first marker.
std::string with_exif(const std::string& jpeg, const std::string& tiff);
/// A TIFF that states an orientation.
std::string orientation_tiff(int orientation, bool little_endian);
/// The JPEG with another size in its header.
std::string with_size(std::string jpeg, unsigned height, unsigned width);

}  // namespace fornax::test
