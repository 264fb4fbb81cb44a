#include "fornax/ops/batch_norm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "fornax/base/parallel.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::error_of;
using test::hashed;
using testing::HasSubstr;

constexpr MemoryFormat formats[] = {MemoryFormat::contiguous, MemoryFormat::channels_last};

Tensor train(const Tensor& x, const Tensor& mean = {}, const Tensor& var = {}) {
  return batch_norm(x, {}, {}, mean, var, {.training = true, .momentum = 1});
}

TEST(BatchNorm, RunningStatisticsMoveTowardsThoseOfTheBatchWithTheUnbiasedVariance) {
  const Tensor x = tensor<float>({1, 2, 3, 6, 10, 20, 30, 40}, {4, 2});
  const Tensor mean = full({2}, 10), var = full({2}, 4);
  batch_norm(x, {}, {}, mean, var, {.training = true, .momentum = 0.25});
  // channel 0: 1 3 10 30, mean 11, unbiased variance (100 + 64 + 1 + 361) / 3
  EXPECT_FLOAT_EQ(mean.to_vector<float>()[0], 10 * 0.75f + 11 * 0.25f);
  EXPECT_FLOAT_EQ(var.to_vector<float>()[0], 4 * 0.75f + 526.f / 3 * 0.25f);
}

TEST(BatchNorm, EvaluationLeavesTheRunningStatisticsAlone) {
  const Tensor mean = full({2}, 3), var = full({2}, 4);
  const Tensor y = batch_norm(full({1, 2, 1, 1}, 7), {}, {}, mean, var, {.eps = 0});
  EXPECT_EQ(y.to_vector<float>(), (std::vector<float>{2, 2}));
  EXPECT_EQ(mean.to_vector<float>(), (std::vector<float>{3, 3}));
  EXPECT_EQ(var.to_vector<float>(), (std::vector<float>{4, 4}));
}

/// f32 values of deviation about 1 far from zero, with one that is farther still where a shift would be
/// taken.
Tensor far_from_zero(MemoryFormat format) {
  Tensor x = hashed({16, 40, 20, 20}, 7, 9999, 10001).to(f32);
  x.data<float>()[0] = 20000;
  return x.to(format);
}

TEST(BatchNorm, StatisticsKeepTheirDigitsWhereTheMeanIsFarLargerThanTheDeviation) {
  for (const MemoryFormat format : formats) {
    const Tensor x = far_from_zero(format);
    const Tensor mean = zeros({40}), var = zeros({40});
    train(x, mean, var);
    const std::vector<float> values = x.to_vector<float>();
    for (std::size_t c = 0; c < 40; ++c) {
      double sum = 0, squares = 0;
      const auto each = [&](auto&& f) {
        for (std::size_t n = 0; n < 16; ++n)
          for (std::size_t i = 0; i < 400; ++i) f(static_cast<double>(values[(n * 40 + c) * 400 + i]));
      };
      each([&](double value) { sum += value; });
      each([&](double value) { squares += (value - sum / 6400) * (value - sum / 6400); });
      EXPECT_NEAR(mean.to_vector<float>()[c] / (sum / 6400), 1, 1e-7);
      EXPECT_NEAR(var.to_vector<float>()[c] / (squares / 6399), 1, 1e-6);
    }
  }
}

std::vector<Tensor> step(const Tensor& x0, const Tensor& residual0) {
  Tensor x = x0.clone(), residual = residual0.clone(), weight = full({40}, 1.5), bias = full({40}, 0.25);
  const Tensor mean = zeros({40}), var = ones({40});
  for (Tensor* leaf : {&x, &residual, &weight, &bias}) leaf->set_requires_grad();
  const Tensor y = batch_norm_act(x, weight, bias, mean, var,
                                  {.training = true, .activation = Activation::relu, .residual = residual});
  y.backward(x0);
  return {y.detach(), mean, var, x.grad(), residual.grad(), weight.grad(), bias.grad()};
}

TEST(BatchNorm, GivesTheSameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const MemoryFormat format : formats) {
    const Tensor x = far_from_zero(format), residual = hashed({16, 40, 20, 20}, 8).to(f32).to(format);
    set_num_threads(1);
    const std::vector<Tensor> one = step(x, residual);
    set_num_threads(3);
    const std::vector<Tensor> three = step(x, residual);
    for (std::size_t i = 0; i < one.size(); ++i) {
      const std::vector<float> a = one[i].to_vector<float>(), b = three[i].to_vector<float>();
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << "tensor " << i;
    }
  }
  set_num_threads(before);
}

TEST(BatchNorm, KeepsNaNThroughTheActivation) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor y = batch_norm_act(tensor<float>({nan, 1, -1, 2}, {4, 1}), {}, {}, zeros({1}), ones({1}),
                                  {.eps = 0, .activation = Activation::relu});
  EXPECT_TRUE(std::isnan(y.to_vector<float>()[0]));
  EXPECT_EQ(y.to_vector<float>()[2], 0);
  EXPECT_EQ(y.to_vector<float>()[3], 2);
}

TEST(BatchNorm, TakesAnEmptyBatchInEvaluation) {
  Tensor x = zeros({0, 3, 2, 2}), weight = ones({3});
  x.set_requires_grad();
  weight.set_requires_grad();
  const Tensor y = batch_norm_act(x, weight, {}, zeros({3}), ones({3}),
                                  {.activation = Activation::relu, .residual = zeros({0, 3, 2, 2})});
  EXPECT_EQ(y.shape(), x.shape());
  y.backward(zeros({0, 3, 2, 2}));
  EXPECT_EQ(weight.grad().to_vector<float>(), (std::vector<float>{0, 0, 0}));
}

TEST(BatchNorm, TakesImagesWithoutPixelsOrChannelsInEvaluation) {
  for (const Shape& shape : {Shape{2, 3, 0, 4}, Shape{2, 0, 3, 4}}) {
    const std::int64_t channels = shape[1];
    for (const MemoryFormat format : formats) {
      Tensor x = zeros(shape).to(format), weight = ones({channels});
      x.set_requires_grad();
      weight.set_requires_grad();
      batch_norm(x, weight, {}, zeros({channels}), ones({channels})).backward(zeros(shape));
      EXPECT_EQ(x.grad().shape(), shape);
      EXPECT_EQ(weight.grad().to_vector<float>(), std::vector<float>(static_cast<std::size_t>(channels)));
    }
  }
}

TEST(BatchNorm, FrozenParametersLeaveTheGradientOfTheInput) {
  Tensor x = hashed({2, 3, 2, 2}, 1).to(f32).set_requires_grad();
  const Tensor weight = tensor<float>({2, 3, 4});
  batch_norm(x, weight, {}, zeros({3}), full({3}, 4), {.eps = 0}).backward(ones({2, 3, 2, 2}));
  EXPECT_EQ(x.grad().select(0, 1).select(1, 0).select(1, 0).to_vector<float>(),
            (std::vector<float>{1, 1.5, 2}));
}

TEST(BatchNorm, GradientsThatSomebodyElseHoldsAreNotOverwritten) {
  Tensor x = hashed({2, 3, 2, 2}, 1).set_requires_grad();
  Tensor y = batch_norm_act(x, {}, {}, {}, {}, {.training = true, .activation = Activation::relu});
  y.retain_grad();
  const Tensor dy = hashed({2, 3, 2, 2}, 2);
  const std::vector<double> before = dy.to_vector<double>();
  y.backward(dy);
  EXPECT_EQ(dy.to_vector<double>(), before);
  EXPECT_EQ(y.grad().to_vector<double>(), before);
}

TEST(BatchNorm, KeepsTheFormatOfItsInput) {
  const Tensor x = zeros({2, 3, 4, 4}, {.format = MemoryFormat::channels_last});
  EXPECT_TRUE(train(x).is_contiguous(MemoryFormat::channels_last));
  EXPECT_TRUE(train(x.contiguous()).is_contiguous());
}

TEST(BatchNorm, ErrorsNameWhatIsWrong) {
  const Tensor x = zeros({2, 3, 4, 4}), three = ones({3});
  EXPECT_EQ(error_of<ShapeError>([&] { train(zeros({3})); }),
            "[batch_norm] expected x of [N, C, ...], got f32[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] {
              train(zeros({2, 3}, {.dtype = i64}));
            }),
            "[batch_norm] expected a floating x, got i64[2,3]@cpu");
  EXPECT_EQ(
      error_of<ShapeError>([&] { batch_norm(x, ones({4}), {}, three, three); }),
      "[batch_norm] expected [3] values per channel, got f32[4]@cpu; x=f32[2,3,4,4]@cpu weight=f32[4]@cpu "
      "running_mean=f32[3]@cpu running_var=f32[3]@cpu");
  EXPECT_THAT(error_of<DTypeError>([&] { batch_norm(x.to(bf16), three.to(bf16), {}, three, three); }),
              HasSubstr("expected parameters and statistics in f32, got bf16[3]@cpu"));
  EXPECT_THAT(error_of<ShapeError>([&] { batch_norm_act(x, {}, {}, three, three, {.residual = three}); }),
              HasSubstr("expected a residual of x's shape, got x=f32[2,3,4,4]@cpu"));
  EXPECT_THAT(error_of<DTypeError>([&] { batch_norm_act(x, {}, {}, three, three, {.residual = x.to(f64)}); }),
              HasSubstr("expected a residual of x's dtype"));
  EXPECT_THAT(error_of<ValueError>([&] { batch_norm(x, {}, {}, {}, {}); }),
              HasSubstr("expected running_mean and running_var"));
  EXPECT_THAT(error_of<ValueError>([&] { train(x, three); }),
              HasSubstr("expected running_mean and running_var"));
  EXPECT_THAT(error_of<ShapeError>([&] {
                train(zeros({1, 3, 1, 1}));
              }),
              HasSubstr("expected more than one value per channel when training, got x=f32[1,3,1,1]"));
}

TEST(BatchNorm, RunningStatisticsOverwrittenBeforeBackwardAreNoticed) {
  Tensor x = hashed({2, 3, 2, 2}, 1).to(f32).set_requires_grad();
  const Tensor mean = zeros({3}), var = ones({3});
  const Tensor y = batch_norm(x, {}, {}, mean, var);
  train(x.detach(), mean, var);
  EXPECT_THAT(error_of<AutogradError>([&] {
                y.backward(ones({2, 3, 2, 2}));
              }),
              HasSubstr("[batch_norm] expected f32[3]@cpu, which was saved for backward"));
}

TEST(BatchNorm, UnderAutocastAResidualMayComeInAnotherType) {
  const Tensor x = ones({2, 3, 2, 2}, {.dtype = bf16}), zero = zeros({3}), one = ones({3});
  const Tensor residual = full({2, 3, 2, 2}, 5).set_requires_grad();
  EXPECT_THROW(batch_norm_act(x, {}, {}, zero, one, {.residual = residual}), DTypeError);
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  const Tensor y = batch_norm_act(x, {}, {}, zero, one, {.eps = 0, .residual = residual});
  EXPECT_EQ(y.dtype(), bf16);
  EXPECT_EQ(y[1][2][1][1].item(), 6);
  y.backward(ones({2, 3, 2, 2}, {.dtype = bf16}));
  EXPECT_EQ(residual.grad().dtype(), f32);
  EXPECT_THROW(batch_norm_act(x, {}, {}, zero, one, {.residual = residual.to(f64)}), DTypeError);
}

TEST(BatchNorm, TakesBothStatisticsOfTheBatchAndOnlyWhenTraining) {
  const Tensor x = ones({2, 3}), three = ones({3});
  const auto normalise = [&](bool training, const BatchStatistics& statistics) {
    return error_of<Error>(
        [&] { batch_norm_act(x, {}, {}, three, three, {.training = training, .statistics = statistics}); });
  };
  const auto refused = HasSubstr("expected both statistics of the batch, and only when training");
  EXPECT_THAT(normalise(true, {three, {}}), refused);
  EXPECT_THAT(normalise(false, {three, three}), refused);
  EXPECT_THAT(normalise(true, {ones({2}), ones({2})}), HasSubstr("expected [3] values per channel"));
}

TEST(FoldBatchNorm, GivesTheConvolutionThatNormalises) {
  const Tensor gamma = hashed({6}, 3).to(f32), beta = hashed({6}, 4).to(f32), mean = hashed({6}, 5).to(f32),
               var = hashed({6}, 6, 0.5, 2).to(f32);
  for (const DType dtype : {f64, f32, f16})
    for (const MemoryFormat format : formats)
      for (const bool biased : {false, true}) {
        const auto wide = [&](const Tensor& values) { return dtype == f64 ? values.to(f64) : values; };
        const Tensor x = hashed({2, 4, 7, 6}, 1).to(dtype).to(format),
                     w = hashed({6, 4, 3, 3}, 2).to(dtype).to(format),
                     b = biased ? hashed({6}, 7).to(dtype) : Tensor();
        const auto [weight, bias] =
            fold_batch_norm(w, b, wide(gamma), wide(beta), wide(mean), wide(var), 1e-3);
        EXPECT_EQ(weight.dtype(), dtype);
        EXPECT_EQ(bias.dtype(), dtype);
        EXPECT_TRUE(weight.is_contiguous(format));
        const Tensor got = conv2d(x, weight, bias),
                     want = batch_norm(conv2d(x, w, b), wide(gamma), wide(beta), wide(mean), wide(var),
                                       {.eps = 1e-3});
        const double error = amax(abs(got.to(f64) - want.to(f64))).item();
        EXPECT_LT(error, dtype == f64 ? 1e-13 : dtype == f32 ? 1e-5 : 1e-2);
      }
}

TEST(FoldBatchNorm, RefusesWhatDoesNotFitTheConvolution) {
  const Tensor w = ones({3, 2, 1, 1}), three = ones({3});
  const auto fold = [&](const Tensor& bias, const Tensor& mean, const Tensor& var) {
    return error_of<Error>([&] { fold_batch_norm(w, bias, three, three, mean, var, 1e-5); });
  };
  EXPECT_THAT(fold(ones({2}), three, three), HasSubstr("expected [3] values per channel"));
  EXPECT_THAT(fold({}, ones({3}, {.dtype = f64}), three),
              HasSubstr("expected parameters and statistics in f32"));
  EXPECT_THAT(fold({}, three, {}), HasSubstr("running_var"));
}

}  // namespace
}  // namespace fornax
