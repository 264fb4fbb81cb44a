#include "fornax/data/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "fornax/data/transforms.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;

Images grey(std::vector<std::uint8_t> pixels, std::int64_t height, std::int64_t width) {
  const auto count = static_cast<std::int64_t>(pixels.size()) / (height * width);
  return {.count = count,
          .height = height,
          .width = width,
          .channels = 1,
          .pixels = std::move(pixels),
          .labels = std::vector<std::uint8_t>(static_cast<std::size_t>(count), 3)};
}

std::vector<std::int64_t> all_indices(const Dataset& set) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(set.size()));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

TEST(ImageDataset, NormalisesPadsAndRepeatsChannels) {
  const ImageDataset set(grey({0, 255}, 1, 2),
                         {.border = 1, .channels = 2, .mean = {0.5f}, .stddev = {0.5f, 0.25f}});
  const Batch batch = set.get_batch(std::vector<std::int64_t>{0}, {});
  EXPECT_EQ(batch.x.shape(), (Shape{1, 2, 3, 4}));
  EXPECT_TRUE(batch.x.is_contiguous(MemoryFormat::channels_last));
  EXPECT_THAT(batch.x.to_vector<float>(), ElementsAre(-1, -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1,  //
                                                      -2, -2, -2, -2, -2, -2, 2, -2, -2, -2, -2, -2));
  EXPECT_THAT(batch.label.to_vector<std::int64_t>(), ElementsAre(3));
}

/// What the separate transforms make of the same images with the same random numbers.
TEST(ImageDataset, AugmentsExactlyAsTheTransformsDo) {
  const Images images = synthetic_images({.count = 40, .height = 7, .width = 5, .channels = 3});
  const std::vector<float> mean = {0.4f, 0.5f, 0.6f}, stddev = {0.2f, 0.3f, 0.4f};
  const ImageDataset fast(images, {.crop_padding = 6, .flip = true, .mean = mean, .stddev = stddev});
  const ImageDataset planes(
      images,
      {.crop_padding = 6, .flip = true, .mean = mean, .stddev = stddev, .format = MemoryFormat::contiguous});

  std::vector<std::uint8_t> channels_first;
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t at = 0; at < 35; ++at) channels_first.push_back(images.pixels[(i * 35 + at) * 3 + c]);
  const Tensor x = from_span<std::uint8_t>(channels_first, {40, 3, 7, 5});
  const TransformedDataset separate(
      std::make_shared<TensorDataset>(x, from_span<std::int64_t>(std::vector<std::int64_t>(40), {40})),
      {random_crop(7, 5, 6), random_flip(), normalize(mean, stddev)});

  for (const std::int64_t epoch : {0, 1}) {
    const EpochRandom random{.seed = 5, .epoch = epoch};
    const std::vector<float> expected = separate.get_batch(all_indices(fast), random).x.to_vector<float>();
    EXPECT_EQ(fast.get_batch(all_indices(fast), random).x.to_vector<float>(), expected);
    EXPECT_EQ(planes.get_batch(all_indices(fast), random).x.to_vector<float>(), expected);
  }
}

TEST(ImageDataset, ASingleSampleIsThatOfItsBatch) {
  const ImageDataset set(synthetic_images({.count = 4}), {.crop_padding = 4, .flip = true});
  const EpochRandom random{.seed = 5, .epoch = 2};
  const Batch batch = set.get_batch(all_indices(set), random);
  for (std::int64_t i = 0; i < 4; ++i) {
    SampleRandom numbers = random.sample(i);
    const Sample sample = set.get(i, numbers);
    EXPECT_EQ(sample.x.shape(), set.image_shape());
    EXPECT_EQ(sample.x.to_vector<float>(), batch.x.select(0, i).to_vector<float>());
    EXPECT_EQ(sample.label, batch.label.to_vector<std::int64_t>()[static_cast<std::size_t>(i)]);
  }
}

TEST(ImageDataset, RefusesOptionsThatDoNotFit) {
  const auto refusal = [](ImageOptions options, std::int64_t channels = 3) {
    return test::error_of(
        [&] { ImageDataset(synthetic_images({.count = 1, .channels = channels}), std::move(options)); });
  };
  EXPECT_EQ(refusal({}), "no error");
  EXPECT_EQ(refusal({.channels = 1}), "[image_dataset] expected images of 1 or 1 channels for 1, got 3");
  EXPECT_EQ(refusal({.border = -1}),
            "[image_dataset] expected border and crop_padding of 0 or more, got -1 and 0");
  EXPECT_EQ(refusal({.mean = {0, 0}}),
            "[image_dataset] expected 1 or 3 means and standard deviations, got 2 and 1");
  EXPECT_EQ(refusal({.stddev = {0}}), "[image_dataset] expected standard deviations other than 0, got 0");
  EXPECT_EQ(
      test::error_of([] { ImageDataset(Images{.count = 1, .height = 2, .width = 2, .channels = 1}, {}); }),
      "[image_dataset] expected 4 pixels and 1 labels, got 0 and 0");
}

TEST(SyntheticImages, AreTheSameForTheSameOptionsAndAlikeWithinAClass) {
  const Images a = synthetic_images({.count = 20, .classes = 10, .seed = 1});
  EXPECT_EQ(a.pixels, synthetic_images({.count = 20, .classes = 10, .seed = 1}).pixels);
  EXPECT_NE(a.pixels, synthetic_images({.count = 20, .classes = 10, .seed = 2}).pixels);
  const std::size_t size = 32 * 32 * 3;
  const auto distance = [&](std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t at = 0; at < size; ++at)
      sum += std::abs(a.pixels[i * size + at] - a.pixels[j * size + at]);
    return sum / static_cast<double>(size);
  };
  EXPECT_EQ(a.labels[3], a.labels[13]);
  EXPECT_LT(distance(3, 13), 0.8 * distance(3, 14));
}

}  // namespace
}  // namespace fornax::data
