#include "fornax/data/derived_datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "fornax/data/image_dataset.h"
#include "fornax/data/sampler.h"
#include "fornax/data/transforms.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;
using Indices = std::vector<std::int64_t>;

std::shared_ptr<ImageDataset> images(std::int64_t count, std::uint64_t seed = 0,
                                     MemoryFormat format = MemoryFormat::channels_last) {
  return std::make_shared<ImageDataset>(
      synthetic_images({.count = count, .height = 6, .width = 5, .seed = seed}),
      ImageOptions{.crop_padding = 2, .flip = true, .mean = {0.4f}, .stddev = {0.3f}, .format = format});
}

/// Rows 10, 11, ... of one number, named after it; that of `broken` cannot be made.
struct Numbered final : Dataset {
  explicit Numbered(std::int64_t size, std::int64_t begin = 10, std::int64_t broken = -1)
      : count(size), first(begin), bad(broken) {}
  std::int64_t size() const override { return count; }
  Sample get(std::int64_t index, SampleRandom& random) const override {
    check_index(index);
    if (index == bad) throw std::runtime_error("it is broken");
    return {tensor<float>({random.uniform()}), first + index};
  }
  std::string name(std::int64_t index) const override { return "number " + std::to_string(first + index); }
  std::int64_t count, first, bad;
};

Indices labels(const Batch& batch) { return batch.label.to_vector<std::int64_t>(); }

void expect_same(const Batch& got, const Batch& want) {
  EXPECT_EQ(got.x.shape(), want.x.shape());
  EXPECT_EQ(got.x.strides(), want.x.strides());
  EXPECT_EQ(got.x.to_vector<float>(), want.x.to_vector<float>());
  EXPECT_EQ(labels(got), labels(want));
}

/// get_batch, the parts that go to a device, and single samples are the same.
void expect_consistent(const Dataset& set, const Indices& indices) {
  const EpochRandom random{.seed = 8, .epoch = 3};
  const Batch batch = set.get_batch(indices, random);
  expect_same(set.join(set.get_parts(indices, random)), batch);
  const Batch collated = collate(set.get_samples(indices, random));
  EXPECT_EQ(collated.x.to_vector<float>(), batch.x.to_vector<float>());
  EXPECT_EQ(labels(collated), labels(batch));
}

TEST(SubsetDataset, GivesExamplesOfTheOtherSetWithTheirNamesAndRandomNumbers) {
  const auto all = images(9);
  const SubsetDataset subset(all, {7, 2, 2, 0});
  EXPECT_EQ(subset.size(), 4);
  EXPECT_EQ(subset.name(1), "sample 2");
  const EpochRandom random{.seed = 4, .epoch = 1};
  expect_same(subset.get_batch(Indices{3, 0, 1}, random), all->get_batch(Indices{0, 7, 2}, random));
  expect_consistent(subset, {0, 1, 2, 3});
}

TEST(SubsetDataset, OfImagesGoesToADeviceInBytes) {
  const SubsetDataset subset(images(9), {7, 2, 0});
  const std::vector<Tensor> parts = subset.get_parts(Indices{0, 1}, {});
  EXPECT_EQ(parts[0].dtype(), u8);
  EXPECT_EQ(parts[0].shape(), (Shape{2, 6, 5, 3}));
}

TEST(SubsetDataset, RefusesIndicesThatTheSetDoesNotHave) {
  EXPECT_EQ(test::error_of<IndexError>([] {
              SubsetDataset(images(3), {0, 3});
            }),
            "[subset] expected indices from 0 to 2, got 3");
  const SubsetDataset subset(images(3), {2, 1});
  SampleRandom random(0, 0, 0);
  const std::string message = "[dataset] expected an index from 0 to 1, got 2";
  EXPECT_EQ(test::error_of<IndexError>([&] { subset.get(2, random); }), message);
  EXPECT_EQ(test::error_of<IndexError>([&] { (void)subset.get_parts(Indices{0, 2}, {}); }), message);
  EXPECT_EQ(test::error_of<ValueError>([] { SubsetDataset(nullptr, {}); }),
            "[subset] expected a data set, got none");
}

TEST(RandomSplit, PartsASetAtRandomTheSameWayForASeed) {
  const auto all = std::make_shared<Numbered>(50);
  const auto parts = random_split(all, {30, 15, 0, 5}, 3);
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(parts[2]->size(), 0);
  Indices together;
  for (const auto& part : parts)
    together.insert(together.end(), part->indices().begin(), part->indices().end());
  EXPECT_FALSE(std::ranges::is_sorted(together));
  EXPECT_EQ(random_split(all, {30, 20}, 3)[0]->indices(), parts[0]->indices());
  EXPECT_NE(random_split(all, {30, 20}, 4)[0]->indices(), parts[0]->indices());
  std::ranges::sort(together);
  EXPECT_EQ(together, sequential_sampler(50, {}));
}

TEST(RandomSplit, RefusesLengthsThatAreNotASplit) {
  const auto refusal = [](std::initializer_list<std::int64_t> lengths) {
    return test::error_of<ValueError>([&] { random_split(std::make_shared<Numbered>(5), lengths); });
  };
  EXPECT_EQ(refusal({5}), "no error");
  EXPECT_EQ(refusal({2, 2}), "[random_split] expected lengths of 0 or more that sum to 5, got [2,2]");
  EXPECT_EQ(refusal({-1, 6}), "[random_split] expected lengths of 0 or more that sum to 5, got [-1,6]");
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_NE(refusal({most, most, 7}), "no error");
}

TEST(ConcatDataset, GivesTheSetsOneAfterTheOther) {
  const ConcatDataset set({std::make_shared<Numbered>(2, 10), std::make_shared<Numbered>(0, 20),
                           std::make_shared<Numbered>(3, 30)});
  EXPECT_EQ(set.size(), 5);
  EXPECT_EQ(labels(set.get_batch(Indices{0, 1, 2, 3, 4}, {})), (Indices{10, 11, 30, 31, 32}));
  EXPECT_EQ(labels(set.get_batch(Indices{3, 0, 4, 1}, {})), (Indices{31, 10, 32, 11}));
  EXPECT_EQ(set.name(2), "number 30");
  SampleRandom random(0, 0, 0);
  EXPECT_EQ(set.get(4, random).label, 32);
  expect_consistent(set, {4, 0, 3});
  expect_consistent(set, {3, 2});
}

TEST(ConcatDataset, OfImagesGoesToADeviceInBytesAndIsPutInOrderThere) {
  for (const MemoryFormat format : {MemoryFormat::channels_last, MemoryFormat::contiguous}) {
    const ConcatDataset set({images(4, 1, format), images(6, 2, format)});
    expect_consistent(set, {9, 0, 3, 5, 4, 1});
    const std::vector<Tensor> parts = set.get_parts(Indices{9, 0, 3}, {});
    std::size_t bytes = 0;
    for (const Tensor& part : parts)
      if (part.rank() == 4) {
        EXPECT_EQ(part.dtype(), u8);
        bytes += static_cast<std::size_t>(part.numel());
      }
    EXPECT_EQ(bytes, 3u * 6 * 5 * 3);
    EXPECT_TRUE(set.get_batch(Indices{9, 0, 3}, {}).x.is_contiguous(format));
  }
}

TEST(ConcatDataset, KeepsIntegersAndRandomNumbersApart) {
  const auto bytes =
      std::make_shared<TensorDataset>(tensor<std::uint8_t>({1, 2, 3, 255}, {2, 2}),
                                      tensor<std::int64_t>({-100, (std::int64_t{1} << 53) - 1}));
  const Batch batch = ConcatDataset({bytes, bytes}).get_batch(Indices{3, 0, 2}, {});
  EXPECT_THAT(batch.x.to_vector<std::uint8_t>(), ElementsAre(3, 255, 1, 2, 1, 2));
  EXPECT_EQ(labels(batch), (Indices{(std::int64_t{1} << 53) - 1, -100, -100}));
  const auto numbers = std::make_shared<Numbered>(1);
  const std::vector<float> drawn =
      ConcatDataset({numbers, numbers}).get_batch(Indices{0, 1}, {.seed = 1}).x.to_vector<float>();
  EXPECT_NE(drawn[0], drawn[1]);
}

TEST(ConcatDataset, NamesTheSampleThatCannotBeMade) {
  const ConcatDataset set({std::make_shared<Numbered>(2, 10), std::make_shared<Numbered>(3, 30, 1)});
  EXPECT_EQ(test::error_of<SampleError>([&] {
              (void)set.get_batch(Indices{0, 3}, {});
            }),
            "[dataset] expected to get 'number 31', got: it is broken");
  EXPECT_EQ(test::error_of<ValueError>([] { ConcatDataset({}); }),
            "[concat_dataset] expected at least one data set, got none");
  EXPECT_EQ(test::error_of<ShapeError>([] {
              (void)ConcatDataset({images(1), std::make_shared<Numbered>(1)}).get_batch(Indices{0, 1}, {});
            }).substr(0, 8),
            "[concat]");
}

TEST(MappedDataset, AppliesAFunctionToEachExample) {
  const MappedDataset set(std::make_shared<SubsetDataset>(std::make_shared<Numbered>(5), Indices{4, 1}),
                          [](const Sample& sample, SampleRandom& random) {
                            return Sample{tensor<float>({random.uniform()}), sample.label - 10};
                          });
  EXPECT_EQ(set.size(), 2);
  EXPECT_EQ(set.name(0), "number 14");
  const EpochRandom random{.seed = 2};
  const Batch batch = set.get_batch(Indices{1, 0}, random);
  EXPECT_EQ(labels(batch), (Indices{1, 4}));
  SampleRandom numbers = random.sample(1);
  (void)numbers.uniform();  // which the other set took
  EXPECT_EQ(batch.x.to_vector<float>()[0], numbers.uniform());
}

}  // namespace
}  // namespace fornax::data
