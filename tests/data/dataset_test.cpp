#include "fornax/data/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;

TEST(Collate, StacksSamplesInOrder) {
  const Batch batch = collate(std::vector<Sample>{{tensor<float>({1, 2}), 5}, {tensor<float>({3, 4}), 6}});
  EXPECT_EQ(batch.x.shape(), (Shape{2, 2}));
  EXPECT_THAT(batch.x.to_vector<float>(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(batch.label.to_vector<std::int64_t>(), ElementsAre(5, 6));
}

TEST(Collate, TakesViewsByTheirLogicalOrder) {
  const Tensor matrix = tensor<float>({1, 2, 3, 4}, {2, 2});
  const Batch batch = collate(std::vector<Sample>{{matrix.transpose(0, 1), 0}});
  EXPECT_THAT(batch.x.to_vector<float>(), ElementsAre(1, 3, 2, 4));
}

TEST(Collate, SaysWhichSampleDoesNotFit) {
  const Tensor x = tensor<float>({1, 2});
  EXPECT_EQ(
      test::error_of([&] {
        collate(std::vector<Sample>{{x, 0}, {x, 0}, {tensor<float>({1}), 0}});
      }),
      "[collate] expected samples like the first, f32[2]@cpu, got f32[1]@cpu for sample 2 of the batch");
  EXPECT_EQ(
      test::error_of([&] {
        collate(std::vector<Sample>{{x, 0}, {tensor<double>({1, 2}), 0}});
      }),
      "[collate] expected samples like the first, f32[2]@cpu, got f64[2]@cpu for sample 1 of the batch");
  EXPECT_EQ(test::error_of([&] { collate({}); }), "[collate] expected at least one sample, got none");
}

TEST(TensorDataset, GivesRowsWithLabels) {
  const TensorDataset set(tensor<float>({1, 2, 3, 4, 5, 6}, {3, 2}), tensor<std::int64_t>({7, 8, 9}));
  EXPECT_EQ(set.size(), 3);
  SampleRandom random(0, 0, 0);
  const Sample sample = set.get(1, random);
  EXPECT_THAT(sample.x.to_vector<float>(), ElementsAre(3, 4));
  EXPECT_EQ(sample.label, 8);
  EXPECT_THAT(set.get_batch(std::vector<std::int64_t>{2, 0}, {}).x.to_vector<float>(),
              ElementsAre(5, 6, 1, 2));
}

TEST(TensorDataset, RefusesIndicesThatItDoesNotHave) {
  const TensorDataset set(tensor<float>({1, 2, 3}), tensor<std::int64_t>({7, 8, 9}));
  SampleRandom random(0, 0, 0);
  for (const std::int64_t index : {-1, 3})
    EXPECT_EQ(test::error_of<IndexError>([&] { set.get(index, random); }),
              "[dataset] expected an index from 0 to 2, got " + std::to_string(index));
}

TEST(TensorDataset, RefusesTensorsThatDoNotFit) {
  const Tensor x = tensor<float>({1, 2});
  EXPECT_EQ(test::error_of([&] { TensorDataset(x, tensor<std::int64_t>({1})); }),
            "[tensor_dataset] expected x of [n,...] with label of [n], got x=f32[2]@cpu label=i64[1]@cpu");
  EXPECT_EQ(test::error_of([&] { TensorDataset(x, x); }),
            "[tensor_dataset] expected labels of i64, got x=f32[2]@cpu label=f32[2]@cpu");
}

struct Broken final : Dataset {
  std::int64_t size() const override { return 10; }
  Sample get(std::int64_t index, SampleRandom&) const override {
    if (index == 3) throw std::runtime_error("not a JPEG");
    if (index == 4) throw 4;
    return {tensor<float>({1}), index};
  }
  std::string name(std::int64_t index) const override { return "photos/" + std::to_string(index) + ".jpg"; }
};

TEST(Dataset, AnErrorNamesTheSampleAndKeepsTheCause) {
  try {
    Broken().get_batch(std::vector<std::int64_t>{2, 3}, {});
    FAIL();
  } catch (const SampleError& e) {
    EXPECT_STREQ(e.what(), "[dataset] expected to get 'photos/3.jpg', got: not a JPEG");
    EXPECT_THROW(std::rethrow_if_nested(e), std::runtime_error);
  }
}

TEST(Dataset, AnErrorOfAnyTypeNamesTheSampleAndIsKept) {
  try {
    Broken().get_batch(std::vector<std::int64_t>{2, 4}, {});
    FAIL();
  } catch (const SampleError& e) {
    EXPECT_STREQ(e.what(),
                 "[dataset] expected to get 'photos/4.jpg', got: an exception that is not a std::exception");
    EXPECT_THROW(std::rethrow_if_nested(e), int);
  }
}

TEST(Dataset, SamplesThatDoNotFitTogetherAreNamed) {
  struct Growing final : Dataset {
    std::int64_t size() const override { return 10; }
    Sample get(std::int64_t index, SampleRandom&) const override { return {empty({index}), 0}; }
    std::string name(std::int64_t index) const override { return "clip " + std::to_string(index); }
  };
  EXPECT_EQ(test::error_of<ShapeError>([] {
              Growing().get_batch(std::vector<std::int64_t>{2, 7}, {});
            }),
            "[collate] expected samples like the first, f32[2]@cpu, got f32[7]@cpu for 'clip 7'");
}

}  // namespace
}  // namespace fornax::data
