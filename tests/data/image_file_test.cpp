#include "fornax/data/image_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <cstring>
#include <string>

#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/golden.h"
#include "support/image_files.h"

namespace fornax::data {
namespace {

using namespace test;

const GoldenFile& goldens() {
  static const GoldenFile file("images");
  return file;
}
std::string golden_file(const std::string& name) {
  const std::vector<std::uint8_t> bytes = goldens().tensors().at("files/" + name).to_vector<std::uint8_t>();
  return {bytes.begin(), bytes.end()};
}

Tensor decode(const std::string& file, const DecodeOptions& options = {}) {
  return decode_image(std::as_bytes(std::span(file)), "f", options);
}
/// Sizes and bytes [height, width, 3].
std::pair<Shape, std::vector<std::uint8_t>> pixels(const Tensor& image) {
  const Tensor rows = image.permute({1, 2, 0});
  return {rows.shape(), rows.to_vector<std::uint8_t>()};
}
std::pair<Shape, std::vector<std::uint8_t>> golden_pixels(const std::string& name) {
  const Tensor& image = goldens().tensors().at(name);
  return {image.shape(), image.to_vector<std::uint8_t>()};
}
std::string refusal(const std::string& file, const DecodeOptions& options = {}) {
  return error_of<IoError>([&] { decode(file, options); });
}

TEST(ImageFile, DecodesToTheBytesThatPillowGives) {
  int files = 0;
  for (const auto& [name, expected] : goldens().tensors()) {
    if (!name.starts_with("pixels/")) continue;
    const Tensor image = decode(golden_file(name.substr(7)));
    EXPECT_EQ(pixels(image), golden_pixels(name)) << name;
    EXPECT_TRUE(image.permute({1, 2, 0}).is_contiguous());
    ++files;
  }
  EXPECT_EQ(files, 20);
}

TEST(ImageFile, TurnsAJpegAsItsExifHeaderSays) {
  const std::string file = golden_file("small");
  for (int orientation = 1; orientation <= 8; ++orientation)
    for (const bool little_endian : {false, true}) {
      const std::string turned = with_exif(file, orientation_tiff(orientation, little_endian));
      EXPECT_EQ(pixels(decode(turned)), golden_pixels("oriented/" + std::to_string(orientation)));
      EXPECT_EQ(pixels(decode(turned, {.exif_orientation = false})), golden_pixels("pixels/small"));
    }
}

TEST(ImageFile, AnExifHeaderThatMakesNoSenseTurnsNothing) {
  const std::string file = golden_file("small"), right = orientation_tiff(6, false);
  std::vector<std::string> headers = {"", "II", orientation_tiff(0, true), orientation_tiff(9, false)};
  for (std::size_t size = 0; size < 22; ++size) headers.push_back(right.substr(0, size));
  for (const std::size_t place : {0, 3, 4, 7, 10, 13}) {  // byte order, 42, the directory's offset, tag, type
    headers.push_back(right);
    headers.back()[place] = static_cast<char>(headers.back()[place] ^ 0x80);
  }
  for (const std::string& header : headers)
    EXPECT_EQ(pixels(decode(with_exif(file, header))), golden_pixels("pixels/small"));
}

TEST(ImageFile, DecodesTheOtherWaysToKeepColours) {
  const std::vector<std::uint8_t> rgb = picture(20, 30), cmyk = picture(20, 30, 4);
  const auto close = [](const Tensor& a, const Tensor& b) {
    const auto [shape, left] = pixels(a);
    const auto [same_shape, right] = pixels(b);
    if (shape != same_shape) return false;
    return std::equal(left.begin(), left.end(), right.begin(),
                      [](int x, int y) { return std::abs(x - y) <= 6; });
  };
  const JpegOptions best{.quality = 100, .across = 1, .down = 1};
  JpegOptions other = best;
  other.file = JCS_RGB;
  EXPECT_TRUE(close(decode(encode_jpeg(rgb, 20, 30, best)), decode(encode_jpeg(rgb, 20, 30, other))));
  JpegOptions inks{.quality = 100, .across = 1, .down = 1, .pixels = JCS_CMYK, .file = JCS_CMYK};
  const Tensor plain = decode(encode_jpeg(cmyk, 20, 30, inks));
  inks.file = JCS_YCCK;
  EXPECT_TRUE(close(decode(encode_jpeg(cmyk, 20, 30, inks)), plain));
}

TEST(ImageFile, RefusesOtherFiles) {
  EXPECT_EQ(refusal(""), "[f] expected a JPEG or PNG file, got an empty one");
  EXPECT_EQ(refusal("GIF89a-and-more"),
            "[f] expected a JPEG or PNG file, got one that begins with 4749463839612d61");
  EXPECT_EQ(refusal("\xff\xd8"), "[f] expected a JPEG or PNG file, got one that begins with ffd8");
}

TEST(ImageFile, RefusesTruncatedFiles) {
  for (const std::string name : {"small", "jpeg_progressive", "jpeg_cmyk", "png_bits", "png_interlaced"}) {
    const std::string file = golden_file(name);
    const std::string kind = name.starts_with("png") ? "PNG" : "JPEG";
    // A JPEG's last bytes are padding and a marker.
    const std::size_t end = file.size() - (kind == "PNG" ? 0 : 8);
    for (std::size_t size = 8; size < end; ++size)
      ASSERT_THAT(refusal(file.substr(0, size)),
                  testing::StartsWith("[f] expected a sound " + kind + " file, got: "))
          << name << " cut to " << size;
  }
  EXPECT_EQ(refusal(golden_file("small").substr(0, 700)),
            "[f] expected a sound JPEG file, got: Premature end of JPEG file");
  EXPECT_EQ(refusal(golden_file("png_bits").substr(0, 100)),
            "[f] expected a sound PNG file, got: the end of a truncated file");
}

TEST(ImageFile, TakesADamagedJpegWhereThatIsAllowed) {
  const std::vector<std::uint8_t> grey = picture(64, 40, 1);
  const std::string file = encode_jpeg(grey, 64, 40, {.pixels = JCS_GRAYSCALE});
  const std::string cut = file.substr(0, file.size() * 3 / 4);
  EXPECT_EQ(refusal(cut), "[f] expected a sound JPEG file, got: Premature end of JPEG file");
  const auto [shape, damaged] = pixels(decode(cut, {.allow_damage = true}));
  EXPECT_EQ(shape, (Shape{64, 40, 3}));
  const auto [same, whole] = pixels(decode(file));
  EXPECT_TRUE(std::equal(damaged.begin(), damaged.begin() + 16 * 40 * 3, whole.begin()));
  EXPECT_NE(damaged, whole);
  EXPECT_EQ(refusal(file.substr(0, 100), {.allow_damage = true}).substr(0, 26), "[f] expected a sound JPEG ");
}

TEST(ImageFile, RefusesCorruptPngs) {
  std::string file = golden_file("png_rgb");
  file[file.size() / 2] = static_cast<char>(file[file.size() / 2] ^ 1);
  EXPECT_THAT(refusal(file), testing::StartsWith("[f] expected a sound PNG file, got: "));
}

/// The PNG with another size in its header, whose checksum fits.
std::string with_png_size(std::string file, unsigned height, unsigned width) {
  const auto put = [&file](std::size_t at, unsigned long value) {
    for (const int shift : {24, 16, 8, 0}) file[at++] = static_cast<char>(value >> shift);
  };
  put(16, width);
  put(20, height);
  put(29, crc32(0, reinterpret_cast<const Bytef*>(file.data()) + 12, 17));
  return file;
}

TEST(ImageFile, RefusesSizesBeyondTheLimitBeforeItAllocatesForThem) {
  const std::string jpeg = golden_file("jpeg_progressive"), png = golden_file("png_rgb");
  EXPECT_EQ(refusal(with_size(jpeg, 65500, 65500)),
            "[f] expected an image of at most 89478485 pixels, got one of 65500x65500");
  EXPECT_EQ(refusal(with_png_size(png, 1'000'000, 1'000'000)),
            "[f] expected an image of at most 89478485 pixels, got one of 1000000x1000000");
  EXPECT_THAT(refusal(with_png_size(png, 0x7fffffff, 0x7fffffff)),
              testing::StartsWith("[f] expected a sound PNG file, got: "));
  for (const std::string& file : {jpeg, png}) {
    EXPECT_EQ(refusal(file, {.max_pixels = 37 * 45}), "no error");
    EXPECT_EQ(refusal(file, {.max_pixels = 37 * 45 - 1}),
              "[f] expected an image of at most 1664 pixels, got one of 37x45");
  }
}

TEST(ImageFile, RefusesAJpegOfEndlessScans) {
  const std::string file = golden_file("jpeg_progressive");
  const std::size_t last_scan = file.rfind("\xff\xda"), end = file.rfind("\xff\xd9");
  std::string bomb = file.substr(0, end);
  for (int i = 0; i < 600; ++i) bomb += file.substr(last_scan, end - last_scan);
  bomb += file.substr(end);
  EXPECT_EQ(refusal(bomb, {.allow_damage = true}),
            "[f] expected a sound JPEG file, got: more than 500 scans");
}

TEST(ImageFile, AFileIsReadAndNamed) {
  const TemporaryDirectory directory;
  write_text(directory / "a.jpg", golden_file("small"));
  EXPECT_EQ(pixels(read_image(directory / "a.jpg")), golden_pixels("pixels/small"));
  EXPECT_EQ(error_of<IoError>([&] { read_image(directory / "none"); }),
            "[" + directory / "none" + "] expected a readable file, got: No such file or directory");
}

std::string encode(const Tensor& image) {
  const std::vector<std::byte> bytes = encode_png(image);
  std::string file(bytes.size(), '\0');
  std::memcpy(file.data(), bytes.data(), bytes.size());
  return file;
}

TEST(EncodePng, IsReadBackToTheSameBytes) {
  const Tensor rgb = from_span<std::uint8_t>(picture(20, 30), {20, 30, 3}).permute({2, 0, 1});
  EXPECT_EQ(pixels(decode(encode(rgb))), pixels(rgb));
  EXPECT_EQ(pixels(decode(encode(rgb.contiguous()))), pixels(rgb));
  const Tensor grey = rgb.narrow(0, 1, 1);
  EXPECT_EQ(pixels(decode(encode(grey))), pixels(grey.expand({3, 20, 30})));
}

TEST(EncodePng, TakesNumbersFromZeroToOne) {
  const Tensor image = tensor<float>({-1, 0, 0.25f, 0.5f, 1, 7, NAN, INFINITY}, {1, 2, 4});
  const std::vector<std::uint8_t> grey = {0, 0, 64, 128, 255, 255, 0, 255};
  const Tensor decoded = decode(encode(image));
  EXPECT_EQ(decoded[0].to_vector<std::uint8_t>(), grey);
  EXPECT_EQ(encode(image.to(f64)), encode(image));
}

TEST(EncodePng, RefusesWhatIsNoImage) {
  EXPECT_EQ(error_of<ShapeError>([] {
              encode_png(empty({2, 4, 4}, {.dtype = u8}));
            }),
            "[encode_png] expected an image [1 or 3,height,width], got u8[2,4,4]@cpu");
  EXPECT_THROW(encode_png(empty({3, 4}, {.dtype = u8})), ShapeError);
  EXPECT_THROW(encode_png(empty({3, 0, 4}, {.dtype = u8})), ShapeError);
  EXPECT_THROW(encode_png(empty({1, 1, 1'000'001}, {.dtype = u8})), ShapeError);  // libpng's limit
  EXPECT_EQ(error_of<DTypeError>([] {
              encode_png(empty({1, 4, 4}, {.dtype = i64}));
            }),
            "[encode_png] expected u8 or floating values, got i64[1,4,4]@cpu");
}

}  // namespace
}  // namespace fornax::data
