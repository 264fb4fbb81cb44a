#include "fornax/data/transforms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;

Tensor applied(const Transform& transform, const Tensor& x, std::int64_t index = 0) {
  SampleRandom random(1, 0, index);
  return transform(x, random);
}

/// A 1x2x3 image with the values 1 to 6.
Tensor image() { return tensor<float>({1, 2, 3, 4, 5, 6}, {1, 2, 3}); }

TEST(RandomCrop, GivesEveryPlaceOfThePaddedImage) {
  std::set<std::vector<float>> seen;
  for (std::int64_t i = 0; i < 500; ++i)
    seen.insert(applied(random_crop(2, 3, 1), image(), i).to_vector<float>());
  EXPECT_EQ(seen.size(), 9u);
  EXPECT_TRUE(seen.contains({1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(seen.contains({0, 0, 0, 0, 1, 2}));
  EXPECT_TRUE(seen.contains({5, 6, 0, 0, 0, 0}));
}

TEST(RandomCrop, OfPaddingAloneIsZero) {
  std::set<std::vector<float>> seen;
  for (std::int64_t i = 0; i < 500; ++i)
    seen.insert(applied(random_crop(1, 1, 3), image(), i).to_vector<float>());
  EXPECT_EQ(seen.size(), 7u);  // six pixels and zero
}

TEST(RandomCrop, RefusesImagesThatAreTooSmall) {
  EXPECT_EQ(test::error_of([] { applied(random_crop(5, 3, 1), image()); }),
            "[random_crop] expected an image of at least 5x3 with padding 1, got f32[1,2,3]@cpu");
  EXPECT_EQ(test::error_of([] { applied(random_crop(1, 1, 0), tensor<float>({1})); }),
            "[random_crop] expected an image [channels,height,width], got f32[1]@cpu");
  EXPECT_EQ(test::error_of([] { random_crop(0, 1, 0); }),
            "[random_crop] expected sizes of 1 or more and padding of 0 or more, got 0x1 and 0");
}

TEST(RandomFlip, MirrorsHalfOfTheImages) {
  int flipped = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    const std::vector<float> values = applied(random_flip(), image(), i).to_vector<float>();
    if (values == std::vector<float>{3, 2, 1, 6, 5, 4})
      ++flipped;
    else
      EXPECT_THAT(values, ElementsAre(1, 2, 3, 4, 5, 6));
  }
  EXPECT_NEAR(flipped, 500, 60);
}

TEST(Normalize, WorksByChannelOnBytesAndFloats) {
  const Transform transform = normalize({0.5f, 0.f}, {0.5f, 2.f});
  EXPECT_THAT(applied(transform, tensor<std::uint8_t>({0, 255, 0, 255}, {2, 1, 2})).to_vector<float>(),
              ElementsAre(-1, 1, 0, 0.5));
  EXPECT_THAT(applied(transform, tensor<float>({0, 1, 0, 1}, {2, 1, 2})).to_vector<float>(),
              ElementsAre(-1, 1, 0, 0.5));
}

TEST(Normalize, RefusesOtherChannelsAndTypes) {
  const Transform transform = normalize({0.5f}, {0.5f});
  EXPECT_EQ(test::error_of([&] {
              applied(transform, tensor<float>({1, 2}, {2, 1, 1}));
            }),
            "[normalize] expected 1 channels, got f32[2,1,1]@cpu");
  EXPECT_EQ(test::error_of([&] {
              applied(transform, tensor<double>({1}, {1, 1, 1}));
            }),
            "[normalize] expected an image of u8 or f32, got f64[1,1,1]@cpu");
  EXPECT_EQ(test::error_of([] { normalize({0.5f}, {0.f}); }),
            "[normalize] expected as many means as standard deviations, none of them 0, got 1 and 1");
}

TEST(TransformedDataset, AppliesItsTransformsInOrder) {
  const auto base =
      std::make_shared<TensorDataset>(tensor<float>({1, 2}, {1, 1, 1, 2}), tensor<std::int64_t>({4}));
  const TransformedDataset set(base, {normalize({1}, {2}), normalize({0}, {0.5f})});
  SampleRandom random(0, 0, 0);
  const Sample sample = set.get(0, random);
  EXPECT_THAT(sample.x.to_vector<float>(), ElementsAre(0, 1));
  EXPECT_EQ(sample.label, 4);
  EXPECT_EQ(set.size(), 1);
}

}  // namespace
}  // namespace fornax::data
