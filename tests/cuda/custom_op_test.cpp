// An op of a user's, with a kernel of its own: examples/custom_cuda_op.
#include "../examples/custom_cuda_op/rms_norm.h"

#include "cuda/device_test.h"
#include "fornax/autograd/gradcheck.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/random.h"
#include "support/error_of.h"

namespace fornax {
namespace {

class CudaCustomOp : public test::DeviceTest {};

TEST_F(CudaCustomOp, AgreesWithTheCpuInEveryOrderOfThreadsAndStreams) {
  // Rows shorter and longer than a block, and no multiple of it.
  for (const std::int64_t size : {1, 100, 1000}) {
    const Tensor x = randn({3, 5, size}), weight = randn({size});
    const std::vector<float> expected = rms_norm(x, weight).to_vector<float>();
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      reorder(seed);
      const Tensor y = rms_norm(x.to(device_), weight.to(device_));
      EXPECT_EQ(y.device(), device_);
      const std::vector<float> got = y.to(Device::cpu()).to_vector<float>();
      for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1e-5) << i;
    }
  }
}

TEST_F(CudaCustomOp, ItsGradientsAreThoseOfFiniteDifferences) {
  Tensor x = randn({2, 7}, {.dtype = f64}), weight = randn({7}, {.dtype = f64});
  x.set_requires_grad();
  weight.set_requires_grad();
  const auto check = autograd::gradcheck(
      [&](auto in) { return rms_norm(in[0].to(device_), in[1].to(device_)).to(Device::cpu()); }, {x, weight});
  EXPECT_TRUE(check) << check.message;
}

TEST_F(CudaCustomOp, ItsErrorsNameTheOperands) {
  EXPECT_EQ(test::error_of<ShapeError>([] {
              rms_norm(randn({2, 3}), randn({2}));
            }),
            "[rms_norm] expected x of [..., n] and weight of [n], got x=f32[2,3]@cpu weight=f32[2]@cpu");
  EXPECT_EQ(test::error_of<DTypeError>([] {
              rms_norm(randn({2, 3}), randn({3}).to(f64));
            }),
            "[rms_norm] expected x and weight both in f32 or both in f64, got x=f32[2,3]@cpu "
            "weight=f64[3]@cpu");
}

#if defined(FORNAX_SIM)

/// Only instrumented kernels are: of those the simulator knows every byte that they touch.
TEST_F(CudaCustomOp, IsTrackedAsTheLibrarysKernelsAre) {
  if (!sim::is_tracked()) GTEST_SKIP() << "this build does not track accesses";
  const Tensor x = randn({3, 50}).to(device_), weight = randn({50}).to(device_);
  sim::start_trace();
  rms_norm(x, weight);
  std::uint64_t read = 0, written = 0;
  for (const sim::TracedOperation& operation : sim::take_trace()) {
    if (operation.range != "rms_norm/rows") continue;
    read += operation.bytes_read;
    written += operation.bytes_written;
  }
  EXPECT_EQ(read, (3 * 50 + 50) * sizeof(float));
  EXPECT_EQ(written, (3 * 50 + 3) * sizeof(float));
}

#endif

}  // namespace
}  // namespace fornax
