#include "fornax/ops/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/parallel.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::error_of;
using test::hashed;
using testing::HasSubstr;

TEST(MaxPool2d, GivesTheGradientOfATieToTheFirst) {
  Tensor x = ones({1, 1, 2, 2}).set_requires_grad();
  max_pool2d(x, 2).backward(full({1, 1, 1, 1}, 3));
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{3, 0, 0, 0}));
}

TEST(MaxPool2d, ANaNInAWindowIsItsLargest) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::int64_t channels : {1, 8}) {
    Tensor x = zeros({1, channels, 1, 4});
    x.select(3, 1).fill_(nan);
    x.select(3, 2).fill_(5);
    const std::vector<float> y = max_pool2d(x, {1, 2}).to_vector<float>();
    for (std::size_t c = 0; c < y.size(); c += 2) {
      EXPECT_TRUE(std::isnan(y[c]));
      EXPECT_EQ(y[c + 1], 5);
    }
  }
}

TEST(MaxPool2d, KeepsInfinities) {
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_EQ(max_pool2d(full({1, 1, 2, 2}, -inf), 2).item<float>(), -inf);
}

TEST(Pool2d, TakeNoImagesAndKeepTheFormat) {
  const Tensor none = zeros({0, 3, 4, 4}, {.format = MemoryFormat::channels_last});
  EXPECT_EQ(max_pool2d(none, 2).shape(), (Shape{0, 3, 2, 2}));
  EXPECT_EQ(global_avg_pool2d(none).shape(), (Shape{0, 3, 1, 1}));
  const Tensor x = zeros({2, 3, 4, 4});
  for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
    EXPECT_TRUE(max_pool2d(x.to(format), 2).is_contiguous(format));
    EXPECT_TRUE(avg_pool2d(x.to(format), 2).is_contiguous(format));
  }
}

TEST(Pool2d, GiveTheSameBitsForAnyNumberOfThreads) {
  const auto step = [](MemoryFormat format) {
    Tensor x = hashed({3, 70, 33, 31}, 1).to(f32).to(format).set_requires_grad();
    const Tensor y = avg_pool2d(x, 3, {.stride = 1, .padding = 1});
    y.backward(y.detach());
    const Tensor largest = max_pool2d(x, 3, {.stride = 2, .padding = 1});
    largest.backward(largest.detach());
    return x.grad().to_vector<float>();
  };
  const int before = num_threads();
  for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
    set_num_threads(1);
    const std::vector<float> one = step(format);
    set_num_threads(3);
    EXPECT_EQ(step(format), one);
  }
  set_num_threads(before);
}

TEST(AvgPool2d, IsExactWhereTheMeanIs) {
  for (const float value : avg_pool2d(full({1, 9, 9, 9}, 3), 3).to_vector<float>()) EXPECT_EQ(value, 3);
}

TEST(Pool2d, ErrorsNameWhatIsWrong) {
  const Tensor x = zeros({1, 3, 4, 4});
  EXPECT_EQ(error_of<ShapeError>([&] {
              max_pool2d(zeros({3, 4}), 2);
            }),
            "[max_pool2d] expected x[N,C,H,W], got f32[3,4]@cpu");
  EXPECT_THAT(error_of<DTypeError>([&] { avg_pool2d(x.to(i32), 2); }),
              HasSubstr("[avg_pool2d] expected floating"));
  EXPECT_EQ(error_of<ShapeError>([&] {
              avg_pool2d(x, {5, 2});
            }),
            "[avg_pool2d] expected images that hold a window of 5x2 with padding 0x0, got f32[1,3,4,4]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { max_pool2d(x, 3, {.padding = 2}); }),
            "[max_pool2d] expected padding of 0 to half of the kernel, 1x1, got 2x2; x=f32[1,3,4,4]@cpu");
  EXPECT_THAT(error_of<ValueError>([&] { max_pool2d(x, 0); }),
              HasSubstr("expected a kernel of at least 1, got 0x0"));
  EXPECT_THAT(error_of<ValueError>([&] { max_pool2d(x, 2, {.stride = 0}); }),
              HasSubstr("a stride of at least 1"));
  EXPECT_THAT(error_of<ValueError>([&] { max_pool2d(x, 2, {.dilation = 0}); }),
              HasSubstr("a dilation of at least 1"));
  EXPECT_EQ(error_of<ValueError>([&] {
              adaptive_avg_pool2d(x, {0, 1});
            }),
            "[adaptive_avg_pool2d] expected a size of at least 1, got 0x1; x=f32[1,3,4,4]@cpu");
  EXPECT_THAT(error_of<ShapeError>([&] {
                global_avg_pool2d(zeros({1, 3, 0, 4}));
              }),
              HasSubstr("expected images of at least one pixel"));
}

}  // namespace
}  // namespace fornax
