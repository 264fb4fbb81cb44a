#include "data/image_decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "data/resize_view.h"
#include "fornax/data/augment.h"
#include "fornax/data/random.h"
#include "support/image_files.h"

namespace fornax::data {
namespace {

using namespace test;
using Bytes = std::vector<std::uint8_t>;

std::span<const std::byte> bytes_of(const std::string& file) { return std::as_bytes(std::span(file)); }

Bytes decode_view(const std::string& file, const ResizeView& view, bool reduce = false) {
  Bytes pixels(static_cast<std::size_t>(view.rows.count * view.columns.count * 3));
  decode_resized(
      bytes_of(file), "f", {}, reduce, [&](std::int64_t, std::int64_t) { return view; }, pixels.data());
  return pixels;
}

/// The view of the image decoded as a whole, by the transform.
Bytes view_of_whole(const Tensor& image, const Region& region, std::int64_t height, std::int64_t width) {
  SampleRandom unused(0, 0, 0);
  const Tensor crop = image.narrow(1, region.top, region.height).narrow(2, region.left, region.width);
  return resize(height, width)(crop, unused).permute({1, 2, 0}).to_vector<std::uint8_t>();
}

std::vector<std::pair<std::string, std::string>> files(std::int64_t height, std::int64_t width) {
  const auto jpeg = [&](const JpegOptions& options) {
    const std::int64_t channels = options.pixels == JCS_GRAYSCALE ? 1 : options.pixels == JCS_RGB ? 3 : 4;
    return encode_jpeg(picture(height, width, channels), height, width, options);
  };
  return {{"4:4:4", jpeg({.across = 1, .down = 1})}, {"4:2:2", jpeg({.across = 2, .down = 1})},
          {"4:4:0", jpeg({.across = 1, .down = 2})}, {"4:2:0", jpeg({})},
          {"4:1:1", jpeg({.across = 4, .down = 1})}, {"progressive", jpeg({.progressive = true})},
          {"restart markers", jpeg({.restart = 1})}, {"grey", jpeg({.pixels = JCS_GRAYSCALE})},
          {"cmyk", jpeg({.pixels = JCS_CMYK})},      {"ycck", jpeg({.pixels = JCS_CMYK, .file = JCS_YCCK})}};
}

TEST(DecodeResized, PartsOfAnImageHaveThePixelsOfTheWhole) {
  for (const auto& [name, file] : files(97, 123)) {
    const Tensor whole = decode_image(bytes_of(file), name);
    const std::int64_t height = whole.shape()[1], width = whole.shape()[2];
    for (std::int64_t i = 0; i < 60; ++i) {
      SampleRandom random(3, 0, i);
      Region region{.height = 1 + random.below(height), .width = 1 + random.below(width)};
      region.top = random.below(height - region.height + 1);
      region.left = random.below(width - region.width + 1);
      const ResizeView view = region_view(region, {region.height, region.width});
      ASSERT_EQ(decode_view(file, view), view_of_whole(whole, region, region.height, region.width))
          << name << ": " << region.height << "x" << region.width << " from " << region.top << ","
          << region.left;
      ASSERT_EQ(decode_view(file, region_view(region, {20, 30})), view_of_whole(whole, region, 20, 30))
          << name;
    }
  }
}

TEST(DecodeResized, TheMiddleIsThatOfTheResizedImage) {
  for (const auto& [name, file] : files(97, 123)) {
    const Tensor whole = decode_image(bytes_of(file), name);
    SampleRandom unused(0, 0, 0);
    const Tensor expected = center_crop(32, 32)(resize(40)(whole, unused), unused);
    EXPECT_EQ(decode_view(file, center_view(whole.shape()[1], whole.shape()[2], 40, 32)),
              expected.permute({1, 2, 0}).to_vector<std::uint8_t>())
        << name;
  }
}

TEST(DecodeResized, MirrorsFromLeftToRight) {
  for (const auto& [name, file] : files(50, 60)) {
    ResizeView view = region_view({.top = 3, .left = 4, .height = 40, .width = 40}, {16, 20});
    const Bytes plain = decode_view(file, view);
    view.mirrored = true;
    const Bytes mirrored = decode_view(file, view);
    for (std::size_t y = 0; y < 16; ++y)
      for (std::size_t x = 0; x < 20; ++x)
        for (std::size_t c = 0; c < 3; ++c)
          ASSERT_EQ(mirrored[(y * 20 + x) * 3 + c], plain[(y * 20 + 19 - x) * 3 + c]) << name;
  }
}

TEST(DecodeResized, ChoosesTheSmallestScaleThatIsNotBelowTheTarget) {
  const auto eighths = [](std::int64_t height, std::int64_t width, std::int64_t size) {
    return fewest_eighths(whole_view(height, width, size));
  };
  EXPECT_EQ(eighths(63, 64, 32), 8);
  EXPECT_EQ(eighths(64, 64, 32), 4);
  EXPECT_EQ(eighths(127, 500, 32), 4);
  EXPECT_EQ(eighths(128, 500, 32), 2);
  EXPECT_EQ(eighths(256, 256, 32), 1);
  EXPECT_EQ(eighths(9999, 9999, 32), 1);
  EXPECT_EQ(eighths(10, 10, 32), 8);
}

struct Difference {
  double mean = 0, most = 0;
};
Difference difference(const Bytes& a, const Bytes& b) {
  Difference found;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double here = std::abs(a[i] - b[i]);
    found.mean += here / static_cast<double>(a.size());
    found.most = std::max(found.most, here);
  }
  return found;
}

/// A reduced image is a mean of squares first. Were it moved by 5 pixels, the mean would be 9.
TEST(DecodeResized, OfAReducedImageIsNearlyTheSame) {
  for (const auto& [name, file] : files(331, 417))
    for (const std::int64_t size : {20, 60, 110}) {
      const Region region{.top = 21, .left = 35, .height = 293, .width = 291};
      const ResizeView view = region_view(region, size);
      const Bytes exact = decode_view(file, view), reduced = decode_view(file, view, true);
      const auto [mean, most] = difference(exact, reduced);
      EXPECT_LT(mean, 2.5) << name << " to " << size;
      EXPECT_LT(most, 12) << name << " to " << size;
    }
}

TEST(DecodeResized, ViewsOfATurnedImageAreThoseOfTheTurnedPixels) {
  const std::string stored = encode_jpeg(picture(331, 417), 331, 417);
  for (int orientation = 2; orientation <= 8; ++orientation) {
    const std::string file = with_exif(stored, orientation_tiff(orientation, true));
    const Tensor whole = decode_image(bytes_of(file), "f");
    const std::int64_t height = whole.shape()[1], width = whole.shape()[2];
    const Region region{.top = 21, .left = 35, .height = 290, .width = 280};
    EXPECT_EQ(decode_view(file, region_view(region, {290, 280})), view_of_whole(whole, region, 290, 280));
    ResizeView view = region_view(region, {50, 60});
    const Bytes expected = view_of_whole(whole, region, 50, 60), plain = decode_view(file, view);
    EXPECT_LE(difference(plain, expected).most, 1) << orientation;
    EXPECT_LT(difference(decode_view(file, view, true), expected).mean, 2) << orientation;
    view.mirrored = true;
    const Bytes mirrored = decode_view(file, view);
    EXPECT_EQ(mirrored[0], plain[59 * 3]) << orientation;
    EXPECT_EQ(mirrored[49 * 60 * 3 + 10 * 3 + 1], plain[49 * 60 * 3 + 49 * 3 + 1]) << orientation;

    SampleRandom unused(0, 0, 0);
    const Tensor middle = center_crop(31, 31)(resize(40)(whole, unused), unused).permute({1, 2, 0});
    EXPECT_LE(
        difference(decode_view(file, center_view(height, width, 40, 31)), middle.to_vector<std::uint8_t>())
            .most,
        1)
        << orientation;
  }
}

}  // namespace
}  // namespace fornax::data
