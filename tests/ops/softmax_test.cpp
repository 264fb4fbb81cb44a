#include "fornax/ops/softmax.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/base/parallel.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::error_of;
using test::hashed;

constexpr float inf = INFINITY;

TEST(Softmax, OfLargeAndMaskedEntriesIsFinite) {
  const Tensor x = tensor<float>({1000, 999, -1000, 0, -inf, -inf}, {2, 3});
  const std::vector<float> y = softmax(x, 1).to_vector<float>();
  EXPECT_NEAR(y[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_EQ(y[2], 0);
  EXPECT_EQ((std::vector<float>{y[3], y[4], y[5]}), (std::vector<float>{1, 0, 0}));
  const std::vector<float> z = log_softmax(x, 1).to_vector<float>();
  EXPECT_NEAR(z[2], -2000 - std::log(1 + std::exp(-1.0)), 1e-3);
  EXPECT_EQ(z[4], -inf);
}

TEST(Softmax, OfNothingButMinusInfinityIsNaN) {
  for (const float value : softmax(full({3}, -inf), 0).to_vector<float>()) EXPECT_TRUE(std::isnan(value));
}

TEST(Softmax, RunsInFloatUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  EXPECT_EQ(softmax(zeros({4}, {.dtype = bf16}), 0).dtype(), f32);
  EXPECT_EQ(cross_entropy(zeros({2, 4}, {.dtype = bf16}), zeros({2}, {.dtype = i64})).dtype(), f32);
}

TEST(Softmax, SaysWhatItCannotTake) {
  EXPECT_EQ(error_of<DTypeError>([] { softmax(zeros({2}, {.dtype = i64}), 0); }),
            "[softmax] expected floating operands, got i64; x=i64[2]@cpu");
  EXPECT_EQ(error_of<IndexError>([] {
              log_softmax(zeros({2, 3}), 2);
            }),
            "[log_softmax] expected an axis from -2 to 1, got 2; x=f32[2,3]@cpu");
}

TEST(CrossEntropy, NamesTheTargetThatIsOutOfRange) {
  const Tensor logits = zeros({2, 3}), target = tensor<std::int64_t>({1, 7});
  EXPECT_EQ(
      error_of<IndexError>([&] { cross_entropy(logits, target); }),
      "[cross_entropy] expected targets in [0, 3) or ignore_index -100, got 7 at index 1; x=f32[2,3]@cpu "
      "target=i64[2]@cpu");
  EXPECT_EQ(error_of<IndexError>([&] {
              nll_loss(logits, tensor<std::int64_t>({-1, 0}));
            }),
            "[nll_loss] expected targets in [0, 3) or ignore_index -100, got -1 at index 0; x=f32[2,3]@cpu "
            "target=i64[2]@cpu");
}

TEST(CrossEntropy, SaysWhatItCannotTake) {
  const Tensor logits = zeros({2, 3}), target = zeros({2}, {.dtype = i64});
  EXPECT_EQ(
      error_of<ShapeError>([&] { cross_entropy(logits, zeros({3}, {.dtype = i64})); }),
      "[cross_entropy] expected logits[N,C,...] and target[N,...], got [2,3] and [3]; logits=f32[2,3]@cpu "
      "target=i64[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { cross_entropy(logits, zeros({2})); }),
            "[cross_entropy] expected an i64 target of class indices, got f32; logits=f32[2,3]@cpu "
            "target=f32[2]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] { cross_entropy(logits, target, {.weight = zeros({2})}); }),
            "[cross_entropy] expected a weight of shape [3], got [2]; logits=f32[2,3]@cpu target=i64[2]@cpu "
            "weight=f32[2]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { cross_entropy(logits, target, {.label_smoothing = 1.5}); }),
            "[cross_entropy] expected a label_smoothing from 0 to 1, got 1.5; logits=f32[2,3]@cpu "
            "target=i64[2]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] {
              cross_entropy(zeros({2, 0}), target);
            }),
            "[cross_entropy] expected at least one class, got none; logits=f32[2,0]@cpu target=i64[2]@cpu");
}

TEST(CrossEntropy, OfIgnoredRowsAloneIsNaNAndSendsBackZeros) {
  Tensor logits = zeros({2, 3}).set_requires_grad();
  const Tensor target = full({2}, -100, {.dtype = i64});
  EXPECT_TRUE(std::isnan(cross_entropy(logits, target).item()));
  const Tensor loss = cross_entropy(logits, target, {.reduction = Reduction::sum});
  EXPECT_EQ(loss.item(), 0);
  loss.backward();
  EXPECT_EQ(logits.grad().to_vector<float>(), std::vector<float>(6, 0.f));
}

TEST(CrossEntropy, HasTheSameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  const Tensor x = hashed({9000, 11}, 1).to(f32), target = hashed({9000}, 2, 0, 11).to(i64);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    Tensor logits = x.clone().set_requires_grad();
    const Tensor loss = cross_entropy(logits, target);
    loss.backward();
    results.push_back(logits.grad().to_vector<float>());
    results.back().push_back(loss.item<float>());
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
}

TEST(CrossEntropy, TakesFloatWeightsBesideHalfPrecision) {
  const Tensor logits = hashed({4, 3}, 3), target = tensor<std::int64_t>({0, 2, 1, 0});
  const Tensor weight = tensor<float>({1, 2, 4});
  EXPECT_NEAR(cross_entropy(logits.to(bf16), target, {.weight = weight}).item(),
              cross_entropy(logits.to(bf16).to(f32), target, {.weight = weight}).item(), 0.01);
  EXPECT_THROW(cross_entropy(logits, target, {.weight = weight}), DTypeError);
}

}  // namespace
}  // namespace fornax
