#include "fornax/ops/rearrange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/embedding.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

using testing::ElementsAre;

TEST(Concat, RefusesWhatDoesNotFit) {
  EXPECT_EQ(error_of<ShapeError>([] { concat(std::span<const Tensor>{}); }),
            "[concat] expected one tensor at least, got none");
  EXPECT_EQ(error_of<ShapeError>([] {
              concat({zeros({2, 3}), zeros({2, 4})}, 0);
            }),
            "[concat] expected shapes that differ at axis 0 only, got f32[2,3]@cpu and f32[2,4]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] {
              concat({zeros({2}), zeros({2}, {.dtype = f64})});
            }),
            "[concat] expected operands of one dtype (cast with .to()), got f32 and f64; a=f32[2]@cpu "
            "b=f64[2]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              stack({zeros({2}), zeros({3})});
            }),
            "[stack] expected tensors of one shape, got f32[2]@cpu and f32[3]@cpu");
}

TEST(Concat, PromotesUnderAutocastAndKeepsTheFormat) {
  const amp::Autocast autocast(DeviceType::cpu);
  const Tensor low = zeros({1, 2, 3, 4}, {.dtype = bf16, .format = MemoryFormat::channels_last});
  EXPECT_EQ(concat({low, zeros({1, 2, 3, 4})}, 1).dtype(), f32);
  EXPECT_EQ(concat({low, low}, 1).dtype(), bf16);
  EXPECT_EQ(concat({low, low}, 1).suggested_format(), MemoryFormat::channels_last);
}

TEST(Split, GivesViewsOfAllElements) {
  const Tensor x = arange(7);
  const std::vector<Tensor> parts = split(x, 3);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_THAT(parts[2].to_vector<std::int64_t>(), ElementsAre(6));
  EXPECT_EQ(parts[1].storage(), x.storage());
  EXPECT_EQ(chunk(x, 3).size(), 3u);
  EXPECT_EQ(chunk(x, 4).back().numel(), 1);
  EXPECT_EQ(chunk(arange(0), 4).size(), 1u);
  EXPECT_EQ(error_of<ShapeError>([&] {
              split(x, {1, 2});
            }),
            "[split] expected sizes that sum to 7, got a sum of 3; x=i64[7]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { split(x, 0); }),
            "[split] expected a size above 0, got 0; x=i64[7]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { chunk(x, 0); }),
            "[chunk] expected a count above 0, got 0; x=i64[7]@cpu");
}

TEST(Pad, EnlargesAndCutsOff) {
  const Tensor x = tensor<std::int32_t>({1, 2, 3, 4}, {2, 2});
  EXPECT_THAT(pad(x, {{0, 1, 0}, {-1, -1, 2}}, 9).to_vector<std::int32_t>(),
              ElementsAre(9, 9, 9, 2, 9, 9, 4, 9, 9));
  EXPECT_EQ(error_of<ShapeError>([&] {
              pad(x, {{0, -2, -1}});
            }),
            "[pad] expected at most 2 to be cut off at axis 0, got 2 and 1; x=i32[2,2]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] {
              pad(x, {{0, 1, 1}, {-2, 1, 1}});
            }),
            "[pad] expected each axis once, got 0 twice; x=i32[2,2]@cpu");
  EXPECT_THROW(pad(x, {{2, 1, 1}}), IndexError);
  EXPECT_THROW(pad(x, {{0, 1, 1}}, 0.5), DTypeError);
}

TEST(Flip, ReversesAxes) {
  const Tensor x = arange(6).view({2, 3});
  EXPECT_THAT(flip(x, {1}).to_vector<std::int64_t>(), ElementsAre(2, 1, 0, 5, 4, 3));
  EXPECT_THAT(flip(x, {0, -1}).to_vector<std::int64_t>(), ElementsAre(5, 4, 3, 2, 1, 0));
  EXPECT_EQ(error_of<ShapeError>([&] {
              flip(x, {0, -2});
            }),
            "[flip] expected each axis once, got [0,-2]; x=i64[2,3]@cpu");
}

TEST(Create, CountsAndSpaces) {
  EXPECT_THAT(arange(4).to_vector<std::int64_t>(), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(arange(5, 0, -2).to_vector<std::int64_t>(), ElementsAre(5, 3, 1));
  EXPECT_THAT(arange(0, 1, 0.25, f32).to_vector<float>(), ElementsAre(0, 0.25, 0.5, 0.75));
  EXPECT_THAT(linspace(0, 0.3, 4, {.dtype = f64}).to_vector<double>(),
              ElementsAre(0, testing::DoubleEq(0.1), testing::DoubleEq(0.2), 0.3));
  EXPECT_THAT(linspace(2, 3, 1).to_vector<float>(), ElementsAre(2));
  EXPECT_EQ(linspace(2, 3, 0).numel(), 0);
  EXPECT_THAT(eye(2, 3).to_vector<float>(), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_EQ(error_of<ValueError>([] { arange(0, 3, -1); }),
            "[arange] expected a step that leads from 0 to 3, got -1");
  EXPECT_EQ(error_of<ValueError>([] { arange(0, 3, 0); }),
            "[arange] expected a step that leads from 0 to 3, got 0");
  EXPECT_EQ(error_of<DTypeError>([] { arange(0, 1, 0.5); }),
            "[arange] expected a number that i64 holds (or cast with .to()), got 0.5; x=i64[0]@cpu");
  EXPECT_EQ(error_of<ValueError>([] { linspace(0, 1, -1); }),
            "[linspace] expected a count of 0 or more, got -1");
}

TEST(Embedding, RefusesIndicesOutOfRange) {
  const Tensor weight = zeros({3, 2});
  EXPECT_EQ(
      error_of<IndexError>([&] {
        embedding(weight, tensor<std::int64_t>({0, 3}));
      }),
      "[embedding] expected indices from 0 to 2, got 3 at position 1; y=f32[2,2]@cpu weight=f32[3,2]@cpu "
      "indices=i64[2]@cpu");
  EXPECT_THROW(embedding(weight, tensor<std::int32_t>({-1})), IndexError);
  EXPECT_EQ(error_of<ShapeError>([&] { embedding(zeros({3}), arange(2)); }),
            "[embedding] expected a weight of rank 2, got f32[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { embedding(weight, zeros({2})); }),
            "[embedding] expected indices of i64 or i32 (cast with .to()), got f32; x=f32[2]@cpu");
}

}  // namespace
}  // namespace fornax::test
