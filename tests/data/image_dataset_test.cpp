#include "fornax/data/image_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "fornax/data/transforms.h"
#include "support/all_indices.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::data {
namespace {

using test::all_indices;
using testing::ElementsAre;
using testing::FloatEq;

Images grey(std::vector<std::uint8_t> pixels, std::int64_t height, std::int64_t width) {
  const auto count = static_cast<std::int64_t>(pixels.size()) / (height * width);
  return {.count = count,
          .height = height,
          .width = width,
          .channels = 1,
          .pixels = std::move(pixels),
          .labels = std::vector<std::uint8_t>(static_cast<std::size_t>(count), 3)};
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

TEST(ImageDataset, ABatchGoesToADeviceInBytesWithItsRandomNumbers) {
  const Images images = synthetic_images({.count = 3, .height = 2, .width = 4});
  const std::vector<std::int64_t> indices{2, 0};
  const EpochRandom random{.seed = 5};
  const std::vector<Tensor> plain = ImageDataset(images, {.border = 3}).get_parts(indices, random);
  ASSERT_EQ(plain.size(), 4u);
  EXPECT_EQ(plain[0].shape(), (Shape{2, 2, 4, 3}));
  const std::vector<std::uint8_t> bytes = plain[0].to_vector<std::uint8_t>();
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.begin() + 24, images.pixels.begin() + 48));
  EXPECT_TRUE(std::equal(bytes.begin() + 24, bytes.end(), images.pixels.begin()));
  EXPECT_THAT(plain[1].to_vector<std::int64_t>(), ElementsAre(2, 0));

  const ImageDataset set(images, {.border = 3, .crop_padding = 2, .flip = true});
  const std::vector<Tensor> parts = set.get_parts(indices, random);
  ASSERT_EQ(parts.size(), 6u);
  EXPECT_EQ(parts[4].shape(), (Shape{2, 2}));
  for (const std::int64_t offset : parts[4].to_vector<std::int64_t>()) {
    EXPECT_GE(offset, -5);
    EXPECT_LE(offset, -1);
  }
  EXPECT_EQ(parts[5].shape(), (Shape{2}));
  EXPECT_EQ(set.join(parts).x.to_vector<float>(), set.get_batch(indices, random).x.to_vector<float>());
}

TEST(ImageDataset, RefusesIndicesThatItDoesNotHave) {
  const ImageDataset set(synthetic_images({.count = 4}), {});
  SampleRandom random(0, 0, 0);
  for (const std::int64_t index : {-1, 4}) {
    const std::string message = "[dataset] expected an index from 0 to 3, got " + std::to_string(index);
    EXPECT_EQ(test::error_of<IndexError>([&] { set.get(index, random); }), message);
    EXPECT_EQ(test::error_of<IndexError>([&] {
                set.get_batch(std::vector<std::int64_t>{0, index}, {});
              }),
              message);
  }
}

TEST(ImageDataset, ShrinksToTheMeansOfSquares) {
  // 4x5 pixels: the fifth column fills no square.
  const ImageDataset set(grey({0, 1, 2, 3, 99, 2, 1, 2, 5, 99, 9, 9, 0, 0, 99, 9, 9, 0, 255, 99}, 4, 5),
                         {.shrink = 2, .border = 1, .stddev = {1 / 255.f}});
  EXPECT_EQ(set.image_shape(), (Shape{1, 4, 4}));
  EXPECT_THAT(set.images().pixels, ElementsAre(1, 3, 9, 64));
  EXPECT_THAT(set.get_batch(std::vector<std::int64_t>{0}, {}).x.to_vector<float>(),
              testing::Pointwise(FloatEq(), {0, 0, 0, 0, 0, 1, 3, 0, 0, 9, 64, 0, 0, 0, 0, 0}));
  const ImageDataset coloured(
      Images{.count = 1, .height = 1, .width = 1, .channels = 3, .pixels = {1, 2, 3}, .labels = {0}}, {});
  EXPECT_THAT(coloured.images().pixels, ElementsAre(1, 2, 3));
}

/// The sets by name differ in the numbers that normalise them.
TEST(ImageDataset, OfAKnownSetIsNormalisedByItsStatistics) {
  const test::TemporaryDirectory directory;
  const std::string images{'\0', '\0', '\x08', '\x03', '\0', '\0', '\0',   '\x01', '\0',
                           '\0', '\0', '\x01', '\0',   '\0', '\0', '\x02', '\0',   '\xff'};
  const std::string labels{'\0', '\0', '\x08', '\x01', '\0', '\0', '\0', '\x01', '\x07'};
  for (const std::string part : {"train", "t10k"}) {
    test::write_text(directory / (part + "-images-idx3-ubyte"), images);
    test::write_text(directory / (part + "-labels-idx1-ubyte"), labels);
  }
  test::write_text(directory / "test_batch.bin", "\x05");
  std::filesystem::resize_file(directory / "test_batch.bin", 10'000 * 3073);  // black images

  const auto first = [](const std::shared_ptr<ImageDataset>& set) {
    return set->get_batch(std::vector<std::int64_t>{0}, {});
  };
  for (const Split split : {Split::train, Split::test}) {
    EXPECT_THAT(first(mnist(directory.path(), split)).x.to_vector<float>(),
                ElementsAre(FloatEq(-0.1307f / 0.3081f), FloatEq((1 - 0.1307f) / 0.3081f)));
    EXPECT_THAT(first(fashion_mnist(directory.path(), split)).x.to_vector<float>(),
                ElementsAre(FloatEq(-0.2860f / 0.3530f), FloatEq((1 - 0.2860f) / 0.3530f)));
  }
  EXPECT_THAT(
      first(mnist(directory.path(), Split::test, {.mean = {0}, .stddev = {0.5f}})).x.to_vector<float>(),
      ElementsAre(0, 2));
  const auto coloured = cifar10(directory.path(), Split::test);
  EXPECT_EQ(coloured->size(), 10'000);
  EXPECT_THAT(coloured->options().mean, ElementsAre(FloatEq(0.4914f), FloatEq(0.4822f), FloatEq(0.4465f)));
  EXPECT_EQ(coloured->image_shape(), (Shape{3, 32, 32}));
  const Batch batch = first(coloured);
  EXPECT_THAT(batch.label.to_vector<std::int64_t>(), ElementsAre(5));
  EXPECT_FLOAT_EQ(batch.x.select(1, 0).to_vector<float>()[0], -0.4914f / 0.2470f);
  EXPECT_FLOAT_EQ(batch.x.select(1, 1).to_vector<float>()[0], -0.4822f / 0.2435f);
  EXPECT_FLOAT_EQ(batch.x.select(1, 2).to_vector<float>()[0], -0.4465f / 0.2616f);
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
  EXPECT_EQ(refusal({.channels = -1}),
            "[image_dataset] expected images of sizes of 1 or more, got 1 of 32x32x3 for -1 channels");
  EXPECT_EQ(test::error_of([] { ImageDataset(Images{.channels = 1}, {}); }),
            "[image_dataset] expected images of sizes of 1 or more, got 0 of 0x0x1 for 1 channels");
  for (const std::int64_t shrink : {0, 33})
    EXPECT_EQ(
        refusal({.shrink = shrink}),
        "[image_dataset] expected shrink from 1 to the images' size of 32x32, got " + std::to_string(shrink));
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
