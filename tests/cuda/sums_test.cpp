// Long sums of 16-bit numbers, by every kernel that adds them up: one that were kept in 16 bits would stop to
// grow far below.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "cuda/device_test.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"
#include "fornax/ops/embedding.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/pool.h"

namespace fornax::test {
namespace {

constexpr std::int64_t count = 5000;  // f16 stops at 2,048, bf16 at 256
constexpr DType narrow_types[] = {f16, bf16};

class CudaSums : public DeviceTest {
 protected:
  Tensor ones_of(const Shape& shape, DType dtype) const {
    return ones(shape, {.dtype = dtype, .device = device_});
  }
  /// That all elements are `value`, rounded once.
  static void expect_all(const Tensor& got, double value) {
    const Tensor here = got.detach().to(Device::cpu());
    const double want = full({}, value).to(got.dtype()).item();
    EXPECT_EQ(here.to(f64).to_vector<double>(),
              std::vector<double>(static_cast<std::size_t>(got.numel()), want))
        << describe(got);
  }
  /// That `run`, which sums `count` ones, does so by each of these kernels that the build has.
  void expect_count(std::string_view op, std::initializer_list<std::string_view> kernels,
                    const std::function<Tensor(DType)>& run) {
    for (const std::string_view kernel : kernels) {
      SCOPED_TRACE(kernel);
      const dispatch::KernelGuard guard(op, kernel);
      try {
        expect_all(run(f32), count);
      } catch (const NotImplemented&) {
        continue;  // a library's, and there is none
      }
      for (const DType dtype : narrow_types) expect_all(run(dtype), count);
    }
  }
};

TEST_F(CudaSums, OfTheTapsOfAWindow) {
  for (const DType dtype : narrow_types) {
    expect_all(global_avg_pool2d(ones_of({1, 1, 300, 250}, dtype)), 1);
    expect_all(avg_pool2d(ones_of({1, 1, 31, 31}, dtype), 31), 1);
  }
}

TEST_F(CudaSums, OfTheUsesOfAnEmbedding) {
  const Tensor indices = zeros({count}, {.dtype = i64, .device = device_});
  for (const DType dtype : narrow_types)
    for (const std::int64_t width : {3, 8}) {  // element by element, and in vectors
      Tensor weight = ones_of({1, width}, dtype).set_requires_grad();
      embedding(weight, indices).backward(ones_of({count, width}, dtype));
      expect_all(weight.grad(), count);
    }
}

TEST_F(CudaSums, OfProducts) {
  expect_count("matmul", {"cublas", "tiled"}, [&](DType dtype) {
    return matmul(ones_of({2, count}, dtype), ones_of({count, 3}, dtype));
  });
}

TEST_F(CudaSums, OfConvolutions) {
  expect_count("conv2d", {"cudnn", "implicit_gemm"}, [&](DType dtype) {
    return conv2d(ones_of({1, count / 4, 2, 2}, dtype), ones_of({3, count / 4, 2, 2}, dtype));
  });
  expect_count("conv2d", {"depthwise"}, [&](DType dtype) {
    return conv2d(ones_of({1, 1, 50, 100}, dtype), ones_of({1, 1, 50, 100}, dtype));
  });
  expect_count("conv2d_grad_input", {"cudnn", "implicit_gemm"}, [&](DType dtype) {
    return conv2d_grad_input(ones_of({1, count, 1, 1}, dtype), ones_of({count, 3, 1, 1}, dtype),
                             {1, 3, 1, 1});
  });
  expect_count("conv2d_grad_weight", {"cudnn", "implicit_gemm", "depthwise"}, [&](DType dtype) {
    return conv2d_grad_weight(ones_of({1, 1, 50, 100}, dtype), ones_of({1, 1, 50, 100}, dtype), {1, 1, 1, 1});
  });
}

}  // namespace
}  // namespace fornax::test
