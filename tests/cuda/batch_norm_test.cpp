// What the op cases do not reach: digits, bits, and order of the batch normalisation on the device.
#include "fornax/ops/batch_norm.h"

#include <cmath>

#include "cuda/device_test.h"
#include "fornax/ops/create.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::hashed;

constexpr MemoryFormat formats[] = {MemoryFormat::contiguous, MemoryFormat::channels_last};

class CudaBatchNorm : public test::DeviceTest {};

TEST_F(CudaBatchNorm, StatisticsKeepTheirDigitsWhereTheMeanIsFarLargerThanTheDeviation) {
  // Deviation about 1 far from zero, with one value that is farther still, first.
  Tensor far = hashed({8, 12, 20, 20}, 7, 9999, 10001).to(f32);
  far.data<float>()[0] = 20000;
  const std::vector<float> values = far.to_vector<float>();
  constexpr std::size_t channels = 12, images = 8, pixels = 400, n = images * pixels;
  for (const MemoryFormat format : formats) {
    const Tensor mean = zeros({channels}).to(device_), var = zeros({channels}).to(device_);
    batch_norm(far.to(format).to(device_), {}, {}, mean, var, {.training = true, .momentum = 1});
    const std::vector<float> got_mean = mean.to_vector<float>(), got_var = var.to_vector<float>();
    for (std::size_t c = 0; c < channels; ++c) {
      double sum = 0, squares = 0;
      const auto each = [&](auto&& f) {
        for (std::size_t image = 0; image < images; ++image)
          for (std::size_t i = 0; i < pixels; ++i)
            f(static_cast<double>(values[(image * channels + c) * pixels + i]));
      };
      each([&](double value) { sum += value; });
      each([&](double value) { squares += (value - sum / n) * (value - sum / n); });
      EXPECT_NEAR(got_mean[c] / (sum / n), 1, 2e-7) << c;
      EXPECT_NEAR(got_var[c] / (squares / (n - 1)), 1, 3e-6) << c;
    }
  }
}

/// The bits that forward leaves of relu(batch_norm(x) + residual); those beyond a line's end are zero.
std::vector<std::uint8_t> bits_of(const Tensor& x, const Tensor& residual, Device device) {
  const std::int64_t channels = x.size(1), pixels = x.size(2) * x.size(3);
  const bool planar = ops::is_planar(x);
  const Tensor bits = zeros(
      planar ? Shape{x.size(0), channels, (pixels + 7) / 8} : Shape{x.size(0), pixels, (channels + 7) / 8},
      {.dtype = u8, .device = device});
  const Tensor input = x.to(device), added = residual.to(device), y = empty_like(input);
  const Tensor mean = hashed({channels}, 3).to(f32).to(device), var = ones({channels}).to(device);
  dispatch::run(ops::batch_norm_apply_row, ops::BatchNormApply{.y = y,
                                                               .bits = bits,
                                                               .x = input,
                                                               .mean = mean,
                                                               .var = var,
                                                               .residual = added,
                                                               .eps = 0,
                                                               .activation = Activation::relu});
  std::vector<std::uint8_t> bytes = bits.to_vector<std::uint8_t>();
  const auto length = static_cast<std::size_t>(planar ? pixels : channels), line = (length + 7) / 8;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    if (i % line == line - 1 && length % 8 != 0)
      bytes[i] = static_cast<std::uint8_t>(bytes[i] & ((1u << length % 8) - 1));
  return bytes;
}

TEST_F(CudaBatchNorm, LeavesTheBitsThatTheCpuLeaves) {
  for (const Shape& shape : {Shape{3, 5, 4, 7}, Shape{2, 16, 5, 5}, Shape{2, 12, 3, 4}, Shape{1, 3, 8, 8}})
    for (const MemoryFormat format : formats)
      for (const DType dtype : {f32, f16}) {
        const Tensor x = hashed(shape, 1, -2, 2).to(dtype).to(format);
        const Tensor residual = hashed(shape, 2).to(dtype).to(format);
        EXPECT_EQ(bits_of(x, residual, device_), bits_of(x, residual, Device::cpu())) << describe(x);
      }
}

std::vector<std::vector<float>> step(const Tensor& x0, const Tensor& residual0, Device device) {
  Tensor x = x0.to(device).clone(), residual = residual0.to(device).clone();
  Tensor weight = full({20}, 1.5).to(device), bias = full({20}, 0.25).to(device);
  const Tensor mean = zeros({20}).to(device), var = ones({20}).to(device);
  for (Tensor* leaf : {&x, &residual, &weight, &bias}) leaf->set_requires_grad();
  const Tensor y = batch_norm_act(x, weight, bias, mean, var,
                                  {.training = true, .activation = Activation::relu, .residual = residual});
  y.backward(x0.to(device));
  std::vector<std::vector<float>> results;
  for (const Tensor& result : {y.detach(), mean, var, x.grad(), residual.grad(), weight.grad(), bias.grad()})
    results.push_back(result.to_vector<float>());
  return results;
}

TEST_F(CudaBatchNorm, GivesTheSameBitsWhateverTheOrderOfThreads) {
  for (const MemoryFormat format : formats) {
    const Tensor x = hashed({2, 20, 19, 19}, 7, 99, 101).to(f32).to(format);
    const Tensor residual = hashed({2, 20, 19, 19}, 8).to(f32).to(format);
    const auto want = step(x, residual, device_);
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      reorder(seed);
      EXPECT_EQ(step(x, residual, device_), want) << "seed " << seed;
    }
  }
}

TEST_F(CudaBatchNorm, KeepsNaNThroughTheActivation) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = tensor<float>({nan, 1, -1, 2}, {4, 1}).to(device_);
  const std::vector<float> y = batch_norm_act(x, {}, {}, zeros({1}).to(device_), ones({1}).to(device_),
                                              {.eps = 0, .activation = Activation::relu})
                                   .to_vector<float>();
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[2], 0);
  EXPECT_EQ(y[3], 2);
}

TEST_F(CudaBatchNorm, TakesNoImagesPixelsOrChannelsInEvaluation) {
  for (const Shape& shape : {Shape{0, 3, 2, 2}, Shape{2, 3, 0, 4}, Shape{2, 0, 3, 4}}) {
    const std::int64_t channels = shape[1];
    for (const MemoryFormat format : formats) {
      Tensor x = zeros(shape).to(format).to(device_), weight = ones({channels}).to(device_);
      x.set_requires_grad();
      weight.set_requires_grad();
      const Tensor mean = zeros({channels}).to(device_), var = ones({channels}).to(device_);
      batch_norm(x, weight, {}, mean, var).backward(zeros(shape).to(device_));
      EXPECT_EQ(x.grad().shape(), shape);
      EXPECT_EQ(weight.grad().to_vector<float>(), std::vector<float>(static_cast<std::size_t>(channels)));
    }
  }
}

}  // namespace
}  // namespace fornax
