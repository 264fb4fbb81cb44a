// What the op cases do not reach: NaN, ties, and views that are not dense, pooled on the device.
#include "fornax/ops/pool.h"

#include <cmath>

#include "cuda/device_test.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "ops/pool/pool_op.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::hashed;

class CudaPool : public test::DeviceTest {};

TEST_F(CudaPool, GivesTheGradientOfATieToTheFirst) {
  Tensor x = ones({1, 1, 2, 2}).to(device_).set_requires_grad();
  max_pool2d(x, 2).backward(full({1, 1, 1, 1}, 3).to(device_));
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{3, 0, 0, 0}));
}

TEST_F(CudaPool, ANaNInAWindowIsItsLargestAndMinusInfinityStays) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for (const std::int64_t channels : {1, 8}) {
    Tensor x = zeros({1, channels, 1, 6}, {.format = MemoryFormat::channels_last});
    x.select(3, 1).fill_(nan);
    x.select(3, 2).fill_(5);
    x.slice(3, 4, 6).fill_(-inf);
    const std::vector<float> y = max_pool2d(x.to(device_), {1, 2}).to_vector<float>();
    for (std::size_t c = 0; c < y.size(); c += 3) {
      EXPECT_TRUE(std::isnan(y[c]));
      EXPECT_EQ(y[c + 1], 5);
      EXPECT_EQ(y[c + 2], -inf);
    }
  }
}

TEST_F(CudaPool, TakeNoImages) {
  const Tensor none = zeros({0, 3, 4, 4}).to(device_);
  EXPECT_EQ(max_pool2d(none, 2).shape(), (Shape{0, 3, 2, 2}));
  EXPECT_EQ(global_avg_pool2d(none).shape(), (Shape{0, 3, 1, 1}));
}

TEST_F(CudaPool, KernelsTakeViewsOfAnyStrides) {
  const ops::PoolWindows windows{.kernel = 3, .stride = 2, .padding = 1};
  const Tensor x = hashed({2, 4, 9, 9}, 1).to(f32);
  const Tensor wide = hashed({2, 8, 20, 9}, 2).to(f32).to(device_);
  Tensor inside = wide.slice(1, 0, 8, 2).slice(2, 1, 19, 2);
  inside.copy_(x.to(device_));
  const Tensor y = zeros({2, 4, 5, 10}).to(device_), odd_y = y.slice(3, 0, 10, 2);
  const Tensor index = zeros({2, 4, 5, 5}, {.dtype = u8}).to(device_);

  dispatch::run(ops::max_pool2d_row, ops::MaxPool2d{odd_y, index, inside, windows});
  EXPECT_EQ(odd_y.to_vector<float>(), max_pool2d(x, 3, {.stride = 2, .padding = 1}).to_vector<float>());
  dispatch::run(ops::avg_pool2d_row, ops::AvgPool2d{odd_y, inside, windows});
  EXPECT_EQ(odd_y.to_vector<float>(), avg_pool2d(x, 3, {.stride = 2, .padding = 1}).to_vector<float>());
  EXPECT_EQ(y.slice(3, 1, 10, 2).to_vector<float>(), std::vector<float>(2 * 4 * 5 * 5));
}

TEST_F(CudaPool, RefuseSizesThatAThreadDoesNotCountTo) {
  const Tensor x = zeros({1, 1, 2, 2}).to(device_);
  EXPECT_EQ(max_pool2d(x, 2, {.stride = 1}).to_vector<float>(), std::vector<float>(1));
  EXPECT_THROW(max_pool2d(x, 2, {.stride = std::int64_t{1} << 31}), NotImplemented);
}

}  // namespace
}  // namespace fornax
