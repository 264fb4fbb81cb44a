#include "fornax/data/augment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "fornax/base/error.h"
#include "fornax/data/image_dataset.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;
using Bytes = std::vector<std::uint8_t>;

Tensor applied(const Transform& transform, const Tensor& x, std::int64_t index = 0) {
  SampleRandom random(1, 0, index);
  return transform(x, random);
}
Bytes bytes(const Tensor& x) { return x.to_vector<std::uint8_t>(); }

Tensor photo(std::int64_t height = 20, std::int64_t width = 17) {
  const Images images = synthetic_images({.count = 1, .height = height, .width = width});
  return from_span<std::uint8_t>(images.pixels, {height, width, 3}).permute({2, 0, 1}).contiguous();
}

/// torchvision's examples: an odd remainder rounds to even, an odd border is larger behind.
TEST(CenterCrop, CutsTheMiddleOrAddsZeros) {
  const Tensor row = tensor<float>({1, 2, 3, 4, 5, 6}, {1, 1, 6});
  EXPECT_THAT(applied(center_crop(1, 2), row).to_vector<float>(), ElementsAre(3, 4));
  EXPECT_THAT(applied(center_crop(1, 5), row).to_vector<float>(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(applied(center_crop(1, 3), row).to_vector<float>(), ElementsAre(3, 4, 5));
  EXPECT_THAT(applied(center_crop(1, 9), row).to_vector<float>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 0, 0));
  EXPECT_EQ(applied(center_crop(3, 2), row).to_vector<float>(), (std::vector<float>{0, 0, 3, 4, 0, 0}));
  EXPECT_EQ(test::error_of<ValueError>([] { center_crop(0, 2); }),
            "[center_crop] expected sizes of 1 or more, got 0x2");
}

TEST(Grayscale, KeepsTheChannels) {
  const Tensor x = photo();
  EXPECT_EQ(bytes(applied(grayscale(), x)), bytes(to_grayscale(x, 3)));
}

TEST(RandomRotation, TurnsWithinItsRange) {
  const Tensor x = photo();
  EXPECT_EQ(bytes(applied(random_rotation(0), x)), bytes(x));
  std::set<Bytes> seen;
  for (std::int64_t i = 0; i < 20; ++i) seen.insert(bytes(applied(random_rotation(40), x, i)));
  EXPECT_GT(seen.size(), 15u);
  SampleRandom random(1, 0, 3);
  const double degrees = -40 + 80 * static_cast<double>(random.uniform());
  EXPECT_EQ(bytes(applied(random_rotation(40, {.fill = {9}}), x, 3)),
            bytes(rotate(x, degrees, {.fill = {9}})));
}

TEST(ColorJitter, ChangesWithinItsRange) {
  const Tensor x = photo();
  EXPECT_EQ(bytes(applied(color_jitter({}), x)), bytes(x));
  const Tensor grey = full({3, 1, 1}, 100, {.dtype = u8});
  int least = 255, most = 0;
  for (std::int64_t i = 0; i < 500; ++i) {
    const int value = bytes(applied(color_jitter({.brightness = 0.5}), grey, i))[0];
    least = std::min(least, value);
    most = std::max(most, value);
  }
  EXPECT_GE(least, 50);
  EXPECT_LE(least, 52);
  EXPECT_GE(most, 148);
  EXPECT_LE(most, 150);
}

TEST(ColorJitter, TakesItsChangesInEveryOrder) {
  const Tensor x = photo();
  const ColorJitterOptions options{.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1};
  using Change = Tensor (*)(const Tensor&, double);
  std::vector<std::pair<int, std::pair<Change, double>>> changes{{0, {adjust_brightness, 0.4}},
                                                                 {1, {adjust_contrast, 0.4}},
                                                                 {2, {adjust_saturation, 0.4}},
                                                                 {3, {adjust_hue, 0.1}}};
  std::set<std::vector<int>> orders;
  for (std::int64_t i = 0; i < 300; ++i) {
    const Bytes got = bytes(applied(color_jitter(options), x, i));
    std::vector<int> order{0, 1, 2, 3};
    bool found = false;
    do {
      SampleRandom random(1, 0, i);
      for (int draw = 4; draw > 1; --draw) (void)random.below(draw);  // which make the order
      Tensor image = x;
      for (const int change : order) {
        const auto& [function, width] = changes[static_cast<std::size_t>(change)].second;
        const double from = change == 3 ? -width : 1 - width, to = change == 3 ? width : 1 + width;
        image = function(image, from + (to - from) * static_cast<double>(random.uniform()));
      }
      if (bytes(image) == got) {
        found = true;
        orders.insert(order);
      }
    } while (std::ranges::next_permutation(order).found);
    ASSERT_TRUE(found) << i;
  }
  EXPECT_EQ(orders.size(), 24u);
}

TEST(RandomErasing, ErasesARectangleOfItsArea) {
  const Tensor x = full({3, 20, 20}, 200, {.dtype = u8});
  int erased = 0;
  for (std::int64_t i = 0; i < 400; ++i) {
    const Tensor y = applied(random_erasing({.least_area = 0.1, .most_area = 0.2, .value = {1, 2, 3}}), x, i);
    const Bytes values = bytes(y);
    std::int64_t top = 20, left = 20, bottom = -1, right = -1, count = 0;
    for (std::int64_t at = 0; at < 400; ++at) {
      if (values[static_cast<std::size_t>(at)] == 200) continue;
      ++count;
      top = std::min(top, at / 20), bottom = std::max(bottom, at / 20);
      left = std::min(left, at % 20), right = std::max(right, at % 20);
      for (std::size_t c = 0; c < 3; ++c) ASSERT_EQ(values[c * 400 + static_cast<std::size_t>(at)], c + 1);
    }
    if (count == 0) continue;
    ++erased;
    ASSERT_EQ(count, (bottom - top + 1) * (right - left + 1));
    ASSERT_GE(count, 0.1 * 400 * 0.8);  // sides are rounded
    ASSERT_LE(count, 0.2 * 400 * 1.2);
  }
  EXPECT_NEAR(erased, 200, 40);
  EXPECT_EQ(bytes(x), Bytes(1200, 200));
}

TEST(RandomErasing, LeavesImagesInWhichNothingFits) {
  const Tensor x = full({1, 2, 40}, 200, {.dtype = u8});
  const auto whole = random_erasing({.p = 1, .least_area = 1, .most_area = 1, .value = {0}});
  EXPECT_EQ(bytes(applied(whole, x)), bytes(x));
  EXPECT_EQ(test::error_of<ValueError>([&] {
              applied(random_erasing({.p = 1, .value = {1, 2}}), x);
            }),
            "[random_erasing] expected 1 or 1 values, got 2");
  EXPECT_EQ(test::error_of<ValueError>([] { random_erasing({.p = 2}); }).substr(0, 16), "[random_erasing]");
  EXPECT_THROW(random_erasing({.least_area = 0.5, .most_area = 0.4}), ValueError);
  EXPECT_THROW(random_erasing({.least_ratio = 0}), ValueError);
}

/// All that torchvision's TrivialAugmentWide can make of an image, each of its 14 ops by itself.
std::vector<std::set<Bytes>> trivial_augmentations(const Tensor& x, int magnitudes) {
  std::vector<std::set<Bytes>> all(14);
  all[0].insert(bytes(x));
  all[12].insert(bytes(autocontrast(x)));
  all[13].insert(bytes(equalize(x)));
  const AffineOptions corner{.centre_x = -0.5 * static_cast<double>(x.size(2)),
                             .centre_y = -0.5 * static_cast<double>(x.size(1))};
  for (int i = 0; i < magnitudes; ++i) {
    const double share = static_cast<double>(i) / (magnitudes - 1);
    for (const double side : {-1., 1.}) {
      AffineOptions shear_x = corner, shear_y = corner;
      shear_x.shear_x = shear_y.shear_y = side * std::atan(0.99 * share) * 180 / std::numbers::pi;
      all[1].insert(bytes(affine(x, shear_x)));
      all[2].insert(bytes(affine(x, shear_y)));
      all[3].insert(bytes(affine(x, {.translate_x = side * std::floor(32 * share)})));
      all[4].insert(bytes(affine(x, {.translate_y = side * std::floor(32 * share)})));
      all[5].insert(bytes(rotate(x, side * 135 * share)));
      all[6].insert(bytes(adjust_brightness(x, 1 + side * 0.99 * share)));
      all[7].insert(bytes(adjust_saturation(x, 1 + side * 0.99 * share)));
      all[8].insert(bytes(adjust_contrast(x, 1 + side * 0.99 * share)));
      all[9].insert(bytes(adjust_sharpness(x, 1 + side * 0.99 * share)));
    }
    all[10].insert(bytes(posterize(x, 8 - static_cast<int>(std::nearbyint(6 * share)))));
    all[11].insert(bytes(solarize(x, 255 - 255 * share)));
  }
  return all;
}

TEST(TrivialAugmentWide, MakesEachOfTheChangesOfTorchvision) {
  const Tensor x = photo(40, 36);
  const auto all = trivial_augmentations(x, 31);
  std::vector<std::set<Bytes>> seen(14);
  for (std::int64_t i = 0; i < 1000; ++i) {
    const Bytes got = bytes(applied(trivial_augment_wide(), x, i));
    bool found = false;
    for (std::size_t op = 0; op < 14; ++op)
      if (all[op].contains(got)) {
        seen[op].insert(got);
        found = true;
      }
    ASSERT_TRUE(found) << i;
  }
  for (std::size_t op = 0; op < 14; ++op)
    EXPECT_GE(seen[op].size(), std::min<std::size_t>(all[op].size(), 5)) << op;
  EXPECT_EQ(test::error_of<ValueError>([] { trivial_augment_wide(1); }),
            "[trivial_augment_wide] expected 2 magnitudes or more, got 1");
}

}  // namespace
}  // namespace fornax::data
