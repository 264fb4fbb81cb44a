#include "fornax/data/resize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "data/resize_view.h"
#include "fornax/data/augment.h"
#include "fornax/data/image_file.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/golden.h"
#include "support/isa_levels.h"

namespace fornax::data {
namespace {

using namespace test;

const GoldenFile& goldens() {
  static const GoldenFile file("images");
  return file;
}

/// The recorded image [height, width, channels] as a transform takes it.
Tensor hashed_image(const std::string& name, std::int64_t height, std::int64_t width, std::int64_t channels) {
  const GoldenHash hash(name);
  std::vector<std::uint8_t> values(static_cast<std::size_t>(height * width * channels));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(hash.integer(i, 256));
  return from_span<std::uint8_t>(values, {height, width, channels}).permute({2, 0, 1});
}

Tensor transformed(const Transform& transform, const Tensor& x) {
  SampleRandom random(0, 0, 0);
  return transform(x, random);
}
std::vector<std::uint8_t> bytes(const Tensor& image) {
  return image.permute({1, 2, 0}).to_vector<std::uint8_t>();
}

class ResizeAt : public testing::TestWithParam<cpu::Isa> {};

TEST_P(ResizeAt, EqualsPillowToTheLastBit) {
  const cpu::IsaGuard guard(GetParam());
  int cases = 0;
  for (const auto& [name, expected] : goldens().tensors()) {
    if (!name.starts_with("resize/")) continue;
    const nlohmann::json attrs = goldens().json(name);
    const std::int64_t height = attrs.at("height"), width = attrs.at("width"),
                       channels = attrs.at("channels");
    const std::vector<std::int64_t> region = attrs.at("region");
    const Tensor image = hashed_image(name, height, width, channels)
                             .narrow(1, region[0], region[2])
                             .narrow(2, region[1], region[3]);
    const Tensor resized = transformed(resize(expected.shape()[0], expected.shape()[1]), image);
    EXPECT_EQ(resized.shape(), (Shape{channels, expected.shape()[0], expected.shape()[1]}));
    EXPECT_EQ(bytes(resized), expected.to_vector<std::uint8_t>()) << name;
    ++cases;
  }
  EXPECT_EQ(cases, 11);
}

TEST_P(ResizeAt, OfTheShorterSideThenItsMiddleIsTorchvisions) {
  const cpu::IsaGuard guard(GetParam());
  int cases = 0;
  for (const auto& [name, expected] : goldens().tensors()) {
    if (!name.starts_with("evaluated/")) continue;
    const nlohmann::json attrs = goldens().json(name);
    const std::int64_t size = attrs.at("size");
    const std::vector<std::uint8_t> file =
        goldens().tensors().at("files/" + attrs.at("file").get<std::string>()).to_vector<std::uint8_t>();
    const Tensor image = decode_image(std::as_bytes(std::span(file)), name);
    const Tensor result =
        transformed(center_crop(size, size), transformed(resize(attrs.at("resize")), image));
    EXPECT_EQ(bytes(result), expected.to_vector<std::uint8_t>()) << name;
    ++cases;
  }
  EXPECT_EQ(cases, 4);
}

INSTANTIATE_TEST_SUITE_P(EachLevel, ResizeAt, testing::ValuesIn(cpu::levels_of_this_machine()),
                         [](const auto& level) { return std::string(cpu::name_of(level.param)); });

TEST(Resize, TakesImagesOfAnyStrides) {
  const Tensor image = hashed_image("strides", 20, 30, 3);
  EXPECT_EQ(bytes(transformed(resize(10, 12), image.contiguous())),
            bytes(transformed(resize(10, 12), image)));
  const Tensor four = hashed_image("four", 20, 30, 4);
  const Tensor whole = transformed(resize(7, 31), four);
  for (int c = 0; c < 4; ++c)
    EXPECT_EQ(bytes(transformed(resize(7, 31), four.narrow(0, c, 1))), bytes(whole.narrow(0, c, 1)));
}

TEST(Resize, GivesTheShorterSideItsSizeAndRoundsTheOtherDown) {
  const auto size = [](std::int64_t height, std::int64_t width) {
    return transformed(resize(10), empty({3, height, width}, {.dtype = u8}).zero_()).shape();
  };
  EXPECT_EQ(size(20, 39), (Shape{3, 10, 19}));
  EXPECT_EQ(size(39, 20), (Shape{3, 19, 10}));
  EXPECT_EQ(size(5, 5), (Shape{3, 10, 10}));
  EXPECT_EQ(size(10, 33), (Shape{3, 10, 33}));
}

TEST(CenterCrop, TakesTheMiddleAndRoundsHalvesToTheEvenPlace) {
  const Tensor x = arange(0, 35, 1, u8).view({1, 5, 7});
  EXPECT_THAT(transformed(center_crop(1, 3), x).to_vector<std::uint8_t>(), testing::ElementsAre(16, 17, 18));
  EXPECT_THAT(transformed(center_crop(1, 4), x).to_vector<std::uint8_t>(),
              testing::ElementsAre(16, 17, 18, 19));  // 1.5
  EXPECT_THAT(transformed(center_crop(1, 6), x).to_vector<std::uint8_t>(),
              testing::ElementsAre(14, 15, 16, 17, 18, 19));  // 0.5
  EXPECT_TRUE(transformed(center_crop(5, 7), x).storage() == x.storage());
}

TEST(RandomResizedCrop, IsTheResizedRegionThatItDraws) {
  const Tensor image = hashed_image("crop", 60, 80, 3);
  SampleRandom random(1, 2, 3), same(1, 2, 3);
  for (int i = 0; i < 5; ++i) {
    const Tensor crop = random_resized_crop(16, 24)(image, random);
    const Region region = random_region(60, 80, {}, same);
    EXPECT_EQ(
        bytes(crop),
        bytes(transformed(resize(16, 24),
                          image.narrow(1, region.top, region.height).narrow(2, region.left, region.width))));
  }
}

/// Means of 20,000 draws against those of torchvision's distribution: areas uniform in [0.08, 1], ratios in
/// the logarithm. An image of 400x400 takes most of them at the first try; what does not fit is drawn again.
TEST(RandomResizedCrop, DrawsAreasRatiosAndPlacesAsTorchvisionDoes) {
  constexpr int draws = 20'000;
  double area = 0, log_ratio = 0, top = 0, left = 0;
  for (int i = 0; i < draws; ++i) {
    SampleRandom random(7, 0, i);
    const Region region = random_region(400, 400, {.max_scale = 0.5}, random);
    EXPECT_GE(std::min(region.top, region.left), 0);
    EXPECT_LE(std::max(region.top + region.height, region.left + region.width), 400);
    const auto h = static_cast<double>(region.height), w = static_cast<double>(region.width);
    EXPECT_GT(w / h, 3. / 4 - 0.02);
    EXPECT_LT(w / h, 4. / 3 + 0.02);
    area += h * w / 160'000 / draws;
    log_ratio += std::log(w / h) / draws;
    top += static_cast<double>(region.top) / (400 - h) / draws;
    left += static_cast<double>(region.left) / (400 - w) / draws;
  }
  EXPECT_NEAR(area, 0.29, 0.005);  // all of these fit, so none is drawn again
  EXPECT_NEAR(log_ratio, 0, 0.005);
  EXPECT_NEAR(top, 0.5, 0.01);
  EXPECT_NEAR(left, 0.5, 0.01);
}

TEST(RandomResizedCrop, OfAnImageThatNoRatioFitsTakesAsMuchOfItsMiddleAsItMay) {
  SampleRandom random(0, 0, 0);
  const RandomResizedCropOptions most{.min_scale = 1};
  const auto draw = [&](std::int64_t height, std::int64_t width) {
    const Region region = random_region(height, width, most, random);
    return std::vector{region.top, region.left, region.height, region.width};
  };
  EXPECT_THAT(draw(100, 1000), testing::ElementsAre(0, 433, 100, 133));
  EXPECT_THAT(draw(1000, 90), testing::ElementsAre(440, 0, 120, 90));
  EXPECT_THAT(draw(1, 1), testing::ElementsAre(0, 0, 1, 1));
}

TEST(Resize, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of<ValueError>([] { resize(0); }), "[resize] expected sizes of 1 or more, got 0x0");
  EXPECT_EQ(
      error_of<ValueError>([] { random_resized_crop(3, 3, {.min_scale = 0}); }),
      "[random_resized_crop] expected 0 < min_scale <= max_scale <= 1 and 0 < min_ratio <= max_ratio, got "
      "scales 0 and 1 and ratios 0.75 and 1.3333333333333333");
  EXPECT_EQ(error_of<DTypeError>([] {
              transformed(resize(3), zeros({3, 4, 4}));
            }),
            "[resize] expected an image of u8, got f32[3,4,4]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              transformed(resize(3), zeros({4, 4}, {.dtype = u8}));
            }),
            "[resize] expected an image [channels,height,width] of sizes of 1 or more, got u8[4,4]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              transformed(resize(3), zeros({3, 0, 4}, {.dtype = u8}));
            }),
            "[resize] expected an image [channels,height,width] of sizes of 1 or more, got u8[3,0,4]@cpu");
}

}  // namespace
}  // namespace fornax::data
