// Products and convolutions of sizes that fill a device, by the large tiles, which the small op cases do not
// reach.
#include <fmt/core.h>

#include "cuda/device_test.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/matmul.h"
#include "support/op_case.h"

namespace fornax::test {
namespace {

class LargeTiles : public DeviceTest, public testing::WithParamInterface<std::tuple<DType, MemoryFormat>> {
 protected:
  /// Holds `run` on the device, in the parameter's dtype and format and by the kernel that uses tiles,
  /// against the CPU in f64.
  void expect_the_cpus(std::string_view op, std::string_view kernel, std::initializer_list<Shape> shapes,
                       const std::function<Tensor(std::span<const Tensor>)>& run) {
    const auto [dtype, format] = GetParam();
    std::vector<Tensor> inputs, wide;
    for (const Shape& shape : shapes) {
      const Tensor input = hashed(shape, inputs.size()).to(dtype);
      wide.push_back(input.to(f64));
      inputs.push_back((shape.rank() == 4 ? input.to(format) : input).to(device_));
    }
    const Tensor want = run(wide);
    const dispatch::KernelGuard guard(op, kernel);
    expect_close({run(inputs).to(Device::cpu()), {}}, {want, {}}, dtype, 8, std::string(op));
  }
};

TEST_P(LargeTiles, MultiplyAsTheCpuDoes) {
  expect_the_cpus("matmul", "tiled", {{1500, 24}, {24, 500}}, [](auto in) { return matmul(in[0], in[1]); });
  expect_the_cpus("matmul", "tiled", {{23, 1500}, {501, 23}},
                  [](auto in) { return matmul(in[0].mT(), in[1].mT()); });
}

TEST_P(LargeTiles, ConvolveAsTheCpuDoes) {
  const Conv2dParams params{.padding = {0, 1}};
  expect_the_cpus("conv2d", "implicit_gemm", {{4, 8, 56, 57}, {64, 8, 1, 3}, {64}},
                  [&](auto in) { return conv2d(in[0], in[1], in[2], params); });
  expect_the_cpus("conv2d_grad_input", "implicit_gemm", {{4, 8, 56, 57}, {8, 64, 1, 3}}, [&](auto in) {
    return conv2d_grad_input(in[0], in[1], {4, 64, 56, 57}, params);
  });
}

TEST_P(LargeTiles, SumTheGradientOfAWeightAsTheCpuDoes) {
  expect_the_cpus("conv2d_grad_weight", "implicit_gemm", {{1, 72, 50, 52}, {1, 64, 50, 52}}, [](auto in) {
    return conv2d_grad_weight(in[0], in[1], {72, 64, 3, 3}, {.padding = 1});
  });
}

INSTANTIATE_TEST_SUITE_P(DtypesAndFormats, LargeTiles,
                         testing::Combine(testing::Values(f32, f16),
                                          testing::Values(MemoryFormat::contiguous,
                                                          MemoryFormat::channels_last)));

}  // namespace
}  // namespace fornax::test
