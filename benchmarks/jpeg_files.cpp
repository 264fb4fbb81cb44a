#include "jpeg_files.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdio>  // which jpeglib.h leaves to us
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <jpeglib.h>

#include "fornax/base/error.h"
#include "fornax/data/random.h"

namespace fornax::bench {
namespace {

constexpr int height = 375, width = 500, channels = 3;

/// Adds noise of `grid` pixels from point to point, linear in between.
void add_noise(std::vector<float>& image, int grid, float amplitude, data::SampleRandom& random) {
  const int rows = height / grid + 2, columns = width / grid + 2;
  std::vector<float> points(static_cast<std::size_t>(rows * columns * channels));
  for (float& point : points) point = amplitude * (random.uniform() + random.uniform() - 1);
  const auto point = [&](int y, int x, int c) { return points.data()[(y * columns + x) * channels + c]; };
  std::size_t at = 0;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < channels; ++c, ++at) {
        const int row = y / grid, column = x / grid;
        const float down = static_cast<float>(y % grid) / static_cast<float>(grid),
                    right = static_cast<float>(x % grid) / static_cast<float>(grid);
        image[at] += (1 - down) * ((1 - right) * point(row, column, c) + right * point(row, column + 1, c)) +
                     down * ((1 - right) * point(row + 1, column, c) + right * point(row + 1, column + 1, c));
      }
}

std::vector<std::uint8_t> picture(int number) {
  data::SampleRandom random(1, 0, number);
  std::vector<float> image(static_cast<std::size_t>(height * width * channels), 128);
  for (int grid = 256; grid >= 1; grid /= 2)
    add_noise(image, grid, 10 * std::pow(static_cast<float>(grid), 0.5f), random);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(image.size());
  for (const float value : image) pixels.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.f, 255.f)));
  return pixels;
}

std::string encode(const std::vector<std::uint8_t>& pixels, int quality) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);  // which ends the program
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &bytes, &size);
  info.image_height = height;
  info.image_width = width;
  info.input_components = channels;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);  // 4:2:0
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  for (int y = 0; y < height; ++y) {
    auto* row = const_cast<JSAMPROW>(pixels.data() + y * width * channels);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  std::free(bytes);
  return file;
}

/// The file of the highest quality that is not too large.
std::string encode_to_size(const std::vector<std::uint8_t>& pixels) {
  constexpr std::size_t smallest = 100'000, largest = 120'000;
  for (int quality = 98; quality >= 30; --quality) {
    std::string file = encode(pixels, quality);
    if (file.size() > largest) continue;
    if (file.size() >= smallest) return file;
    break;
  }
  throw InternalError("loader_bench", "expected a quality that gives 100,000 to 120,000 bytes, got none");
}

}  // namespace

void make_jpegs(const std::string& directory, int count) {
  const std::filesystem::path made = std::filesystem::path(directory) / "made";
  std::filesystem::create_directories(made);
  for (int i = 0; i < count; ++i) {
    const std::string path = made / fmt::format("{:04}.jpg", i);
    std::ofstream file(path, std::ios::binary);
    file << encode_to_size(picture(i));
    if (!file.flush()) throw IoError(path, "expected to write an image, got an error");
  }
}

std::pair<std::int64_t, std::int64_t> bare_decode(std::span<const std::byte> bytes,
                                                  std::vector<std::uint8_t>& pixels) {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);  // which ends the program
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&info, TRUE);
  info.out_color_space = JCS_RGB;
  jpeg_start_decompress(&info);
  const std::size_t stride = std::size_t{info.output_width} * channels;
  pixels.resize(std::max(pixels.size(), stride * info.output_height));
  while (info.output_scanline < info.output_height) {
    auto* row = pixels.data() + stride * info.output_scanline;
    jpeg_read_scanlines(&info, &row, 1);
  }
  const std::pair<std::int64_t, std::int64_t> size{info.output_height, info.output_width};
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return size;
}

}  // namespace fornax::bench
