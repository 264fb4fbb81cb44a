#include "fornax/ops/reduce.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/base/parallel.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::error_of;
using test::hashed;

/// Restores the number of threads.
struct Threads {
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

TEST(Sum, HasTheSameBitsForAnyNumberOfThreads) {
  const Threads restore;
  const Tensor flat = hashed({300'000}, 1).to(f32), wide = hashed({700, 600}, 2).to(f32);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<float> bits;
    for (const Tensor& y : {sum(flat), sum(wide, {0}), sum(wide, {1})})
      for (const float value : y.to_vector<float>()) bits.push_back(value);
    results.push_back(bits);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Sum, OfAMillionFloatsStaysAccurate) {  // adding one after the other gives 100958.3
  const Tensor x = full({1'000'003}, 0.1f);
  const double right = 1'000'003 * double(0.1f);
  EXPECT_NEAR(sum(x).item(), right, 0.2);
  EXPECT_NEAR(sum(x.view({1'000'003, 1}).expand({1'000'003, 2}), {0}).to_vector<float>()[1], right, 0.2);
}

TEST(Sum, OfHalfPrecisionDoesNotOverflowOnTheWay) {
  Tensor x = full({4096}, 1000, {.dtype = f16});
  x.slice(0, 0, 4096, 2).fill_(-1000);
  EXPECT_EQ(sum(x).item(), 0);
}

TEST(Sum, SendsBackAViewThatRepeatsTheGradient) {
  Tensor x = full({4, 3}, 1).set_requires_grad();
  Tensor h = x.clone(), dh;
  h.register_hook([&](const Tensor& dy) {
    dh = dy;
    return Tensor();
  });
  sum(h).backward();
  EXPECT_EQ(dh.strides(), (Strides{0, 0}));
  EXPECT_EQ(x.grad().to_vector<float>(), std::vector<float>(12, 1.f));
}

TEST(Sum, OfIntegersCountsIn64Bits) {
  EXPECT_EQ(sum(full({3}, 2'000'000'000, {.dtype = i32})).item<std::int64_t>(), 6'000'000'000);
  EXPECT_EQ(sum(full({300}, 255, {.dtype = u8})).dtype(), i64);
}

TEST(Sum, RunsInFloatUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  Tensor x = full({1000}, 1, {.dtype = bf16}).set_requires_grad();
  const Tensor y = sum(x);
  EXPECT_EQ(y.dtype(), f32);
  EXPECT_EQ(y.item(), 1000);
  y.backward();
  EXPECT_EQ(x.grad().dtype(), bf16);
}

TEST(Sum, NamesTheAxisThatIsWrong) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of<IndexError>([&] { sum(x, {2}); }),
            "[sum] expected an axis from -2 to 1, got 2; x=f32[2,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] {
              sum(x, {1, -1});
            }),
            "[sum] expected each axis once, got [1,-1]; x=f32[2,3]@cpu");
}

TEST(Mean, OverNothingIsNaN) { EXPECT_TRUE(std::isnan(mean(zeros({0})).item())); }

TEST(Var, OfNumbersFarFromZeroKeepsItsDigits) {
  const Tensor x = hashed({3, 1000}, 4, 1000, 1001).to(f32), wide = x.to(f64);
  EXPECT_NEAR(var(x).item(), var(wide).item(), 1e-6);
  EXPECT_NEAR(var(x, {0}).to_vector<float>()[7], var(wide, {0}).to_vector<double>()[7], 1e-6);
}

TEST(Var, OfOneElementIsNaNUnlessBiased) {
  EXPECT_TRUE(std::isnan(var(ones({1})).item()));
  EXPECT_EQ(var(ones({1}), {}, false, 0).item(), 0);
}

TEST(Norm, AtZeroHasNoSlope) {
  for (const double p : {1.0, 2.0, 3.0, double(INFINITY)}) {
    Tensor x = zeros({3}).set_requires_grad();
    norm(x, p).backward();
    EXPECT_EQ(x.grad().to_vector<float>(), std::vector<float>(3, 0.f)) << p;
  }
}

TEST(LogSumExp, NeitherOverflowsNorLosesInfinities) {
  EXPECT_NEAR(logsumexp(tensor<float>({1000, 1000})).item(), 1000 + std::log(2.0), 1e-4);
  EXPECT_EQ(logsumexp(full({2}, -INFINITY)).item(), -INFINITY);
  EXPECT_EQ(logsumexp(tensor<float>({1, INFINITY})).item(), INFINITY);
  EXPECT_EQ(logsumexp(zeros({2, 0}), {1}).to_vector<float>()[1], -INFINITY);
}

TEST(Extremes, NaNWins) {
  const Tensor x = tensor<float>({1, NAN, 3, 2, 4, -INFINITY}, {2, 3});
  EXPECT_TRUE(std::isnan(amax(x).item()));
  EXPECT_TRUE(std::isnan(amin(x, {1}).to_vector<float>()[0]));
  EXPECT_EQ(amin(x, {1}).to_vector<float>()[1], -INFINITY);
  EXPECT_EQ(argmax(x, 1).to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(argmin(x).item<std::int64_t>(), 1);
}

TEST(Extremes, TiesShareTheGradientButTheFirstIndexTakesItAll) {
  Tensor x = tensor<float>({1, 3, 3, 0, 2, 2, 2, 2}, {2, 4}).set_requires_grad();
  sum(amax(x, {1})).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25}));
  x.set_grad({});
  const Extremes most = max(x, 1);
  EXPECT_EQ(most.indices.to_vector<std::int64_t>(), (std::vector<std::int64_t>{1, 0}));
  sum(most.values).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (std::vector<float>{0, 1, 0, 0, 1, 0, 0, 0}));
}

TEST(Extremes, OfAllOfATensorAreFoundInRowMajorOrder) {
  const Tensor x = tensor<float>({1, 5, 2, 7, 0, 3}, {2, 3});
  EXPECT_EQ(argmax(x).item<std::int64_t>(), 3);
  EXPECT_EQ(argmax(x.mT()).item<std::int64_t>(), 1);
  EXPECT_EQ(argmin(x, {}, true).shape(), (Shape{1, 1}));
}

TEST(Extremes, OverNothingAreRefused) {
  EXPECT_EQ(error_of<ShapeError>([] {
              amax(zeros({2, 0}), {1});
            }),
            "[amax] expected at least one element to choose from, got none; x=f32[2,0]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] { argmin(zeros({0})); }),
            "[argmin] expected at least one element to choose from, got none; x=f32[0]@cpu");
}

TEST(AnyAndAll, OverNothingAreFalseAndTrue) {
  const Tensor none = zeros({0}, {.dtype = boolean});
  EXPECT_FALSE(any(none).item<bool>());
  EXPECT_TRUE(all(none).item<bool>());
}

TEST(Reductions, SayWhatTheyCannotTake) {
  const Tensor integers = zeros({2}, {.dtype = i64});
  EXPECT_EQ(error_of<DTypeError>([&] { mean(integers); }),
            "[mean] expected floating operands, got i64; x=i64[2]@cpu");
  EXPECT_EQ(error_of<ValueError>([] { norm(zeros({2}), 0); }), "[norm] expected p > 0, got 0; x=f32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { any(integers); }),
            "[any] expected bool (cast with .to()), got i64; x=i64[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { amax(zeros({2}, {.dtype = boolean})); }),
            "[amax] expected floating or integer dtypes (cast with .to()), got bool; x=bool[2]@cpu");
}

}  // namespace
}  // namespace fornax
