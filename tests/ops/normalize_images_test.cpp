#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "fornax/ops/create.h"
#include "fornax/ops/image.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;
using testing::HasSubstr;

const Tensor half = full({3}, 0.5);

TEST(NormalizeImages, TakesBytesThatLieAsHeightWidthChannels) {
  const Tensor bytes = tensor<std::uint8_t>({0, 255, 51, 255, 0, 102}, {1, 1, 2, 3});
  const Tensor y = normalize_images(bytes.permute({0, 3, 1, 2}), half, half);
  EXPECT_EQ(y.shape(), (Shape{1, 3, 1, 2}));
  EXPECT_TRUE(y.is_contiguous(MemoryFormat::channels_last));
  const std::vector<float> values = y.to_vector<float>(), want{-1, 1, 1, -1, -0.6f, -0.2f};
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_FLOAT_EQ(values[i], want[i]) << i;
}

TEST(NormalizeImages, AnOffsetFarBeyondTheImageGivesBlack) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const Tensor x = full({2, 1, 2, 2}, 255, {.dtype = u8});
  const Tensor offsets = tensor<std::int64_t>({most, 0, 0, -most - 1}, {2, 2});
  for (const float value : normalize_images(x, half, half, {.offsets = offsets}).to_vector<float>())
    EXPECT_EQ(value, -1);
}

TEST(NormalizeImages, TakesNoImages) {
  EXPECT_EQ(normalize_images(zeros({0, 3, 4, 4}, {.dtype = u8}), half, half, {.size = 2}).shape(),
            (Shape{0, 3, 2, 2}));
}

TEST(NormalizeImages, ErrorsNameWhatIsWrong) {
  const Tensor x = zeros({2, 3, 4, 4}, {.dtype = u8});
  EXPECT_EQ(error_of<DTypeError>([&] { normalize_images(x.to(f32), half, half); }),
            "[normalize_images] expected x in u8, got x=f32[2,3,4,4]@cpu mean=f32[3]@cpu std=f32[3]@cpu");
  EXPECT_THAT(error_of<DTypeError>([&] { normalize_images(x, half.to(f64), half); }),
              HasSubstr("expected mean in f32"));
  EXPECT_THAT(error_of<DTypeError>([&] { normalize_images(x, half, half, {.dtype = i32}); }),
              HasSubstr("expected a floating dtype for the result, got i32"));
  EXPECT_THAT(error_of<ShapeError>([&] { normalize_images(x[0], half, half); }),
              HasSubstr("expected x[N,C,H,W]"));
  EXPECT_THAT(error_of<ShapeError>([&] { normalize_images(x, ones({2}), ones({2})); }),
              HasSubstr("expected a mean and a std for each of x's channels"));
  EXPECT_THAT(
      error_of<ShapeError>([&] { normalize_images(x, half, half, {.offsets = zeros({2}, {.dtype = i64})}); }),
      HasSubstr("expected offsets of [2,2]"));
  EXPECT_THAT(error_of<ShapeError>(
                  [&] { normalize_images(x, half, half, {.flip = zeros({3}, {.dtype = boolean})}); }),
              HasSubstr("expected flip of [2]"));
  EXPECT_THAT(error_of<ValueError>([&] { normalize_images(x, half, half, {.size = Pair(-1, 2)}); }),
              HasSubstr("expected a size of 0 or more, got -1x2"));
}

}  // namespace
}  // namespace fornax
