// What the real cuDNN accepts, for an A100 that is not here, is computed by the stand-in and held against the
// CPU.
#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include "cuda/device_test.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/random.h"
#include "fornax/ops/reduce.h"
#include "sim/libraries/cudnn_tee.h"
#include "sim/poison.h"
#include "support/convolution_layers.h"

namespace fornax::test {
namespace {

class CudnnTee : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (sim::has_asan) GTEST_SKIP() << "the real cuDNN leaks when the process ends";
    if (!cuda::load_cudnn()) GTEST_SKIP() << "libcudnn.so.9 cannot be opened";
    judge_for("a100");
  }
  void TearDown() override {
    sim::set_cudnn_judge(nullptr);
    DeviceTest::TearDown();
  }

  static void judge_for(const std::string& device) {
    std::ifstream file(FORNAX_DEVICES "/" + device + ".json");
    sim::set_cudnn_judge(cuda::load_cudnn(), std::string(std::istreambuf_iterator<char>(file), {}));
  }
  /// A tensor of `dtype` in channels_last, on the CPU.
  static Tensor images(const Shape& shape, DType dtype) {
    return randn(shape, {.format = MemoryFormat::channels_last}).to(dtype);
  }
  /// `f` on the CPU in f32 and, by cuDNN alone, on the device agree to the rounding of `dtype`.
  void expect_equal(const std::function<Tensor(Device, DType)>& f, DType dtype,
                    const std::string& what) const {
    const Tensor want = f(Device::cpu(), f32);
    const dispatch::KernelGuard forward("conv2d", "cudnn"), input("conv2d_grad_input", "cudnn"),
        weight("conv2d_grad_weight", "cudnn"), statistics("conv2d_statistics", "cudnn");
    const Tensor got = f(device_, dtype).to(Device::cpu()).to(f32);
    const double largest = amax(abs(want)).item(), error = amax(abs(got - want)).item();
    EXPECT_LT(error, largest * (dtype == f32 ? 1e-5 : 2e-3)) << what;
  }
};

TEST_F(CudnnTee, EveryConvolutionOfResNet50IsAcceptedAndRight) {
  for (const ConvolutionLayer& layer : convolution_layers()) {
    if (!layer.name.starts_with("resnet50")) continue;
    for (const DType dtype : {f32, f16}) {
      const Tensor x = images(layer.x, dtype), w = images(layer.w, dtype) * 0.05, dy = images(layer.y, dtype);
      const std::string what = layer.name + (dtype == f32 ? " f32" : " f16");
      expect_equal(
          [&](Device on, DType as) { return conv2d(x.to(on).to(as), w.to(on).to(as), {}, layer.params); },
          dtype, what);
      expect_equal(
          [&](Device on, DType as) {
            return conv2d_grad_input(dy.to(on).to(as), w.to(on).to(as), layer.x, layer.params);
          },
          dtype, what + " grad_input");
      expect_equal(
          [&](Device on, DType as) {
            return conv2d_grad_weight(dy.to(on).to(as), x.to(on).to(as), layer.w, layer.params,
                                      MemoryFormat::channels_last);
          },
          dtype, what + " grad_weight");
    }
  }
  EXPECT_GT(sim::graphs_judged(), 100);
}

TEST_F(CudnnTee, WhatFollowsAConvolutionIsAcceptedAndRight) {
  const Tensor x = images({2, 64, 14, 14}, f16), w = images({128, 64, 3, 3}, f16) * 0.05,
               residual = images({2, 128, 14, 14}, f16), bias = randn({128}).to(f16);
  const Conv2dParams params{.padding = 1};
  expect_equal(
      [&](Device on, DType as) {
        const auto at = [&](const Tensor& tensor) { return tensor.to(on).to(as); };
        return conv2d_act(at(x), at(w), at(bias), params,
                          {.activation = Activation::relu, .residual = at(residual)});
      },
      f16, "bias, residual, relu");
  expect_equal(
      [&](Device on, DType as) {
        // There is no cuDNN on the CPU, and on the device it sums f16 only.
        if (on.type == DeviceType::cpu)
          return batch_norm(conv2d(x.to(as), w.to(as), {}, params), {}, {}, {}, {}, {.training = true});
        const auto [y, statistics] = conv2d_with_statistics(x.to(on), w.to(on), params);
        return batch_norm_act(y, {}, {}, {}, {}, {.training = true, .statistics = statistics});
      },
      f16, "statistics");
}

TEST_F(CudnnTee, WhatCudnnRefusesTheStandInRefuses) {
  // By itself the stand-in takes bf16 everywhere; a T4 has none.
  const dispatch::KernelGuard guard("conv2d", "cudnn");
  const auto convolve = [&](std::int64_t width) {
    conv2d(images({2, 64, 7, width}, bf16).to(device_), images({8, 64, 1, 1}, bf16).to(device_));
  };
  judge_for("t4");
  EXPECT_THROW(convolve(11), NotImplemented);
  judge_for("a100");
  EXPECT_NO_THROW(convolve(13));  // another problem: refusals are remembered
}

}  // namespace
}  // namespace fornax::test
