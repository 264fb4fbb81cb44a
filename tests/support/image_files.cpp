#include "support/image_files.h"

#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "support/golden.h"

namespace fornax::test {

std::vector<std::uint8_t> picture(std::int64_t height, std::int64_t width, std::int64_t channels, int seed) {
  const GoldenHash noise("picture " + std::to_string(seed));
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (std::int64_t c = 0; c < channels; ++c) {
        const double wave = std::sin(0.05 * static_cast<double>(x * (c + 1)) + seed) *
                            std::cos(0.07 * static_cast<double>(y + 10 * c));
        const double value = 128 + 80 * wave + 20 * noise.uniform(pixels.size());
        pixels.push_back(static_cast<std::uint8_t>(value));
      }
  return pixels;
}

std::string encode_jpeg(const std::vector<std::uint8_t>& pixels, std::int64_t height, std::int64_t width,
                        const JpegOptions& options) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);  // which ends the program
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_height = static_cast<JDIMENSION>(height);
  info.image_width = static_cast<JDIMENSION>(width);
  info.in_color_space = options.pixels;
  info.input_components = options.pixels == JCS_GRAYSCALE ? 1 : options.pixels == JCS_RGB ? 3 : 4;
  jpeg_set_defaults(&info);
  if (options.file != JCS_UNKNOWN) jpeg_set_colorspace(&info, options.file);
  jpeg_set_quality(&info, options.quality, TRUE);
  const bool inks = info.jpeg_color_space == JCS_YCCK;  // with black, which is as fine as brightness
  if (inks || info.jpeg_color_space == JCS_YCbCr)
    for (const int component : {0, inks ? 3 : 0}) {
      info.comp_info[component].h_samp_factor = options.across;
      info.comp_info[component].v_samp_factor = options.down;
    }
  info.restart_in_rows = static_cast<int>(options.restart);
  if (options.progressive) jpeg_simple_progression(&info);
  jpeg_start_compress(&info, TRUE);
  const std::int64_t stride = width * info.input_components;
  for (std::int64_t y = 0; y < height; ++y) {
    auto* row = const_cast<JSAMPROW>(pixels.data() + y * stride);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

std::string small_jpeg(int seed) {
  return encode_jpeg(picture(40 + seed, 60 - seed, 3, seed), 40 + seed, 60 - seed);
}

std::string with_exif(const std::string& jpeg, const std::string& tiff) {
  const std::string content = std::string("Exif\0\0", 6) + tiff;
  const std::size_t size = content.size() + 2;
  return jpeg.substr(0, 2) + "\xff\xe1" + static_cast<char>(size >> 8) + static_cast<char>(size & 0xff) +
         content + jpeg.substr(2);
}

std::string orientation_tiff(int orientation, bool little_endian) {
  const auto value = static_cast<char>(orientation);
  if (little_endian)
    return std::string("II\x2a\0\x08\0\0\0\x02\0", 10) + std::string("\x0f\x01\x02\0\0\0\0\0\0\0\0\0", 12) +
           std::string("\x12\x01\x03\0\x01\0\0\0", 8) + value + std::string(3 + 4, '\0');
  return std::string("MM\0\x2a\0\0\0\x08\0\x01", 10) + std::string("\x01\x12\0\x03\0\0\0\x01\0", 9) + value +
         std::string(2 + 4, '\0');
}

std::string with_size(std::string jpeg, unsigned height, unsigned width) {
  for (const char* const frame : {"\xff\xc0", "\xff\xc2"})
    if (const std::size_t at = jpeg.find(frame); at != std::string::npos) {
      const std::size_t size = at + 5;  // behind the marker, a length and a precision
      jpeg[size] = static_cast<char>(height >> 8);
      jpeg[size + 1] = static_cast<char>(height & 0xff);
      jpeg[size + 2] = static_cast<char>(width >> 8);
      jpeg[size + 3] = static_cast<char>(width & 0xff);
      return jpeg;
    }
  throw std::invalid_argument("no frame");
}

}  // namespace fornax::test
