#include "fornax/data/mixup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/rearrange.h"
#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;

Batch batch() { return {tensor<float>({1, 2, 3, 4, 5, 6}, {3, 2}), tensor<std::int64_t>({7, 8, 9})}; }

TEST(Mixup, MixesEachSampleWithTheOneBefore) {
  SampleRandom random(1, 0, 0);
  const MixedBatch mixed = mixup(batch(), 1, random);
  const auto w = static_cast<float>(mixed.weight);
  ASSERT_GT(w, 0.01);
  ASSERT_LT(w, 0.99);
  const std::vector<float> x = mixed.x.to_vector<float>(), own{1, 2, 3, 4, 5, 6}, other{5, 6, 1, 2, 3, 4};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(x[i], w * own[i] + (1 - w) * other[i], 1e-6);
  EXPECT_THAT(mixed.label.to_vector<std::int64_t>(), ElementsAre(7, 8, 9));
  EXPECT_THAT(mixed.other_label.to_vector<std::int64_t>(), ElementsAre(9, 7, 8));
}

/// Mean 1/2 and variance 1 / (4 (2 alpha + 1)).
TEST(Mixup, DrawsItsWeightsFromABetaDistribution) {
  for (const double alpha : {0.2, 1., 4.}) {
    double sum = 0, squares = 0;
    constexpr int count = 4000;
    for (std::int64_t i = 0; i < count; ++i) {
      SampleRandom random(3, 0, i);
      const double weight = mixup(batch(), alpha, random).weight;
      ASSERT_GE(weight, 0);
      ASSERT_LE(weight, 1);
      sum += weight;
      squares += (weight - 0.5) * (weight - 0.5);
    }
    EXPECT_NEAR(sum / count, 0.5, 0.03) << alpha;
    EXPECT_NEAR(squares / count, 1 / (4 * (2 * alpha + 1)), 0.012) << alpha;
  }
  SampleRandom random(3, 0, 0);
  EXPECT_FALSE(std::isnan(mixup(batch(), 1e-4, random).weight));
}

TEST(Cutmix, ReplacesARectangleOfTheShareOfItsWeight) {
  const Tensor x = stack({full({2, 10, 8}, 1.f), full({2, 10, 8}, 2.f)});
  bool cuts = false;
  for (std::int64_t i = 0; i < 50; ++i) {
    SampleRandom random(2, 0, i);
    const MixedBatch mixed = cutmix({x, tensor<std::int64_t>({0, 1})}, 1, random);
    const std::vector<float> values = mixed.x.to_vector<float>();
    const auto own = std::ranges::count(values.begin(), values.begin() + 160, 1.f);
    EXPECT_NEAR(static_cast<double>(own) / 160, mixed.weight, 1e-12);
    for (std::size_t at = 0; at < 160; ++at) {
      ASSERT_EQ(values[160 + at], 3 - values[at]);
      ASSERT_EQ(values[at], values[at % 80]);
    }
    cuts = cuts || (own > 0 && own < 160);
  }
  EXPECT_TRUE(cuts);
  EXPECT_EQ(x.to_vector<float>()[0], 1);
}

TEST(Mixup, LeavesABatchOfOneAsItIs) {
  SampleRandom random(1, 0, 0);
  const Batch one{tensor<float>({3}, {1, 1}), tensor<std::int64_t>({4})};
  EXPECT_NEAR(mixup(one, 1, random).x.item(), 3, 1e-6);
}

TEST(Mixup, SaysWhatItCannotTake) {
  SampleRandom random(1, 0, 0);
  EXPECT_EQ(test::error_of<ValueError>([&] { mixup(batch(), 0, random); }),
            "[mixup] expected an alpha above 0, got 0");
  EXPECT_EQ(test::error_of<DTypeError>([&] {
              mixup({zeros({2}, {.dtype = u8}), zeros({2}, {.dtype = i64})}, 1, random);
            }),
            "[mixup] expected floating samples, got u8[2]@cpu");
  EXPECT_EQ(test::error_of<ShapeError>([&] { cutmix(batch(), 1, random); }),
            "[cutmix] expected images [N,C,H,W], got f32[3,2]@cpu");
}

}  // namespace
}  // namespace fornax::data
