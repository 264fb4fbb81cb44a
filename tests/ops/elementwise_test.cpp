#include "fornax/ops/elementwise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fornax/autograd/node.h"
#include "fornax/base/parallel.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax::test {
namespace {

using testing::ElementsAre;

TEST(Elementwise, RefusesShapesThatDoNotBroadcast) {
  EXPECT_EQ(error_of<ShapeError>([] {
              zeros({2, 3}) + zeros({4});
            }),
            "[add] expected shapes that broadcast, got [2,3] and [4]; a=f32[2,3]@cpu b=f32[4]@cpu");
}

TEST(Elementwise, NeverCastsSilently) {
  EXPECT_EQ(
      error_of<DTypeError>([] { zeros({2}) * zeros({2}, {.dtype = f64}); }),
      "[mul] expected operands of one dtype (cast with .to()), got f32 and f64; a=f32[2]@cpu b=f64[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { zeros({2}, {.dtype = i32}) * 1.5; }),
            "[mul] expected a number that i32 holds (or cast with .to()), got 1.5; x=i32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { eq(zeros({2}, {.dtype = u8}), 256); }),
            "[eq] expected a number that u8 holds (or cast with .to()), got 256; x=u8[2]@cpu");
  EXPECT_EQ(
      error_of<DTypeError>(
          [] { where(ones({2}, {.dtype = boolean}), zeros({2}), zeros({2}, {.dtype = i64})); }),
      "[where] expected operands of one dtype (cast with .to()), got f32 and i64; a=f32[2]@cpu b=i64[2]@cpu");
}

TEST(Fill, WritesOnlyWhatTheDtypeHolds) {
  EXPECT_EQ(error_of<DTypeError>([] { full({2}, 3.7, {.dtype = i64}); }),
            "[full] expected a number that i64 holds (or cast with .to()), got 3.7; x=i64[2]@cpu");
  EXPECT_THROW(full({2}, 300, {.dtype = u8}), DTypeError);
  EXPECT_THROW(full({2}, std::nan(""), {.dtype = i32}), DTypeError);
  EXPECT_THROW(full({2}, 2, {.dtype = boolean}), DTypeError);
  Tensor x = zeros({2}, {.dtype = i32});
  EXPECT_EQ(error_of<DTypeError>([&] { x.fill_(0.5); }),
            "[fill_] expected a number that i32 holds (or cast with .to()), got 0.5; x=i32[2]@cpu");
  EXPECT_EQ(x.version(), 0u);
  EXPECT_EQ(error_of<DTypeError>([&] { full_like(x, -0.5); }),
            "[full_like] expected a number that i32 holds (or cast with .to()), got -0.5; x=i32[2]@cpu");
  EXPECT_EQ(full_like(x, 1.0).to_vector<std::int32_t>(), (std::vector<std::int32_t>{1, 1}));
  EXPECT_EQ(full_like(x, 0.5, f64)[0].item(), 0.5);
  Tensor wide = zeros({1}).expand({3});
  EXPECT_EQ(error_of<ShapeError>([&] { wide.fill_(1); }),
            "[fill_] expected memory of its own for each element, got an expanded tensor; "
            "x=f32[3]strides[0]@cpu");
}

TEST(FullLike, TakesShapeFormatAndDtype) {
  const Tensor like = zeros({2, 3, 4, 5}, {.dtype = f64, .format = MemoryFormat::channels_last});
  EXPECT_EQ(full_like(like, 7).strides(), like.strides());
  EXPECT_EQ(full_like(like, 7).dtype(), f64);
  EXPECT_EQ(full_like(like, 7, i32)[1][2][3][4].item<int>(), 7);
}

TEST(Elementwise, DividesFloatingNumbersOnly) {
  EXPECT_EQ(error_of<DTypeError>([] { ones({2}, {.dtype = i64}) / 2; }),
            "[div] expected a floating dtype (cast with .to()), got i64; x=i64[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { exp(ones({2}, {.dtype = i64})); }),
            "[exp] expected a floating dtype (cast with .to()), got i64; x=i64[2]@cpu");
}

TEST(Elementwise, KeepsArithmeticAndLogicApart) {
  const Tensor flags = ones({2}, {.dtype = boolean});
  EXPECT_EQ(error_of<DTypeError>([&] { flags + flags; }),
            "[add] expected numbers (cast with .to()), got bool; x=bool[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { logical_and(zeros({2}), flags); }),
            "[logical_and] expected bool (cast with .to()), got f32; x=f32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { where(zeros({2}), flags, flags); }),
            "[where] expected a condition of bool, got f32[2]@cpu");
}

TEST(Elementwise, ClampWantsABound) {
  EXPECT_EQ(error_of<ValueError>([] { clamp(zeros({2}), {}); }),
            "[clamp] expected a bound, got none; x=f32[2]@cpu");
}

TEST(Elementwise, HasComparisonOperators) {
  const Tensor x = tensor<float>({1, 2, 3}), two = tensor<float>({2, 2, 2});
  const auto flags = [](const Tensor& y) { return y.to_vector<bool>(); };
  EXPECT_THAT(flags(x < two), ElementsAre(true, false, false));
  EXPECT_THAT(flags(x <= 2), ElementsAre(true, true, false));
  EXPECT_THAT(flags(x > two), ElementsAre(false, false, true));
  EXPECT_THAT(flags(2 > x), ElementsAre(true, false, false));
  EXPECT_THAT(flags(2 >= x), ElementsAre(true, true, false));
  EXPECT_THAT(flags(2 < x), ElementsAre(false, false, true));
  EXPECT_THAT(flags(2 <= x), ElementsAre(false, true, true));
  EXPECT_THAT(flags(x >= two), ElementsAre(false, true, true));
  EXPECT_THAT(flags(x == two), ElementsAre(false, true, false));
  EXPECT_THAT(flags(2 == x), ElementsAre(false, true, false));
  EXPECT_THAT(flags(x != 2), ElementsAre(true, false, true));
  EXPECT_THAT(flags(2 != x), ElementsAre(true, false, true));
}

TEST(Elementwise, WhereTakesTwoNumbers) {
  const Tensor positive = tensor<float>({-1, 1}) > 0;
  EXPECT_THAT(where(positive, 1, -0.5).to_vector<float>(), ElementsAre(-0.5, 1));
  EXPECT_THAT(where(positive, 1, 2, i64).to_vector<std::int64_t>(), ElementsAre(2, 1));
  for (const auto& [a, b] : std::vector<std::pair<Scalar, Scalar>>{{1, 0.5}, {0.5, 1}}) {
    EXPECT_EQ(error_of<DTypeError>([&] { where(positive, a, b, i64); }),
              "[where] expected a number that i64 holds (or cast with .to()), got 0.5; x=i64[]@cpu");
  }
}

TEST(Elementwise, ResultsTakeTheFormatOfTheFirstDenseOperandOfTheirShape) {
  const Tensor nhwc = zeros({2, 3, 4, 5}, {.format = MemoryFormat::channels_last});
  const auto is_nhwc = [](const Tensor& x) { return x.suggested_format() == MemoryFormat::channels_last; };
  EXPECT_TRUE(is_nhwc(nhwc + 1));
  EXPECT_TRUE(is_nhwc(relu(nhwc)));
  EXPECT_TRUE(is_nhwc(zeros({3, 1, 1}) * nhwc));
  EXPECT_TRUE(is_nhwc(zeros({1}).expand({2, 3, 4, 5}) * nhwc));
  EXPECT_TRUE(is_nhwc(gt(nhwc, zeros({2, 3, 4, 5}))));
  EXPECT_FALSE(is_nhwc(zeros({2, 3, 4, 5}) + nhwc));
}

TEST(Elementwise, TiesShareTheGradientOfMaximum) {
  Tensor a = tensor<double>({1, 2, 3}).set_requires_grad(), b = tensor<double>({1, 3, 2}).set_requires_grad();
  maximum(a, b).backward(ones({3}, {.dtype = f64}));
  EXPECT_THAT(a.grad().to_vector<double>(), ElementsAre(0.5, 0, 1));
  EXPECT_THAT(b.grad().to_vector<double>(), ElementsAre(0.5, 1, 0));
}

TEST(Elementwise, PowersOfZeroHaveFiniteGradients) {
  Tensor x = tensor<double>({0, 0, 0}).set_requires_grad(), p = tensor<double>({0, 1, 2}).set_requires_grad();
  pow(x, p).backward(ones({3}, {.dtype = f64}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(0, 1, 0));
  EXPECT_THAT(p.grad().to_vector<double>(), ElementsAre(0, 0, 0));
}

TEST(InPlace, WritesTheSameMemoryAndCountsVersions) {
  Tensor x = tensor<float>({1, 2, 3});
  const Tensor same = x;
  ((x += 1) *= tensor<float>({2, 2, 3})) -= 1;
  x.div_(3).add_(tensor<float>({1, 1, 1}), -0.5).sub_(tensor<float>({0, 0, 1}));
  EXPECT_THAT(same.to_vector<float>(),
              testing::Pointwise(testing::FloatEq(), {0.5f, 1.1666667f, 2.1666667f}));
  EXPECT_EQ(same.version(), 6u);
}

TEST(InPlace, IsDifferentiable) {
  Tensor x = tensor<double>({1, 2, 3}).set_requires_grad(), s = tensor<double>({2}).set_requires_grad();
  Tensor y = x.clone();
  y.mul_(s).add_(x, 10).sub_(1).mul_(3).div_(s);  // 3 (s x + 10 x - 1) / s = 3 x + (30 x - 3) / s
  y.backward(ones({3}, {.dtype = f64}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(18, 18, 18));
  EXPECT_THAT(s.grad().to_vector<double>(), ElementsAre(-(30 * 6 - 9) / 4.0));
}

TEST(InPlace, MayReadWhatItWrites) {
  Tensor x = tensor<double>({3}).set_requires_grad();
  Tensor y = x.clone();
  y *= y;
  y.backward();
  EXPECT_EQ(x.grad().item(), 6);
  Tensor m = tensor<float>({1, 2, 3, 4}, {2, 2});
  m += m.mT();
  EXPECT_THAT(m.to_vector<float>(), ElementsAre(2, 5, 5, 8));
}

TEST(InPlace, ReluAndClampAreDifferentiable) {
  Tensor x = tensor<double>({-2, 1, 3}).set_requires_grad(), y = x * 2, z = x * 2;
  EXPECT_TRUE(y.relu_().is(y));
  z.clamp_(-1, 5);
  EXPECT_THAT(y.to_vector<double>(), ElementsAre(0, 2, 6));
  EXPECT_THAT(z.to_vector<double>(), ElementsAre(-1, 2, 5));
  (y * z).backward(ones({3}, {.dtype = f64}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(0, 2 * 2 + 2 * 2, 2 * 5));
  EXPECT_EQ(error_of<ValueError>([&] { z.clamp_({}); }), "[clamp_] expected a bound, got none; x=f64[3]@cpu");
  Tensor integers = tensor<std::int64_t>({-3, 300});
  EXPECT_THAT(integers.clamp_(0, 255).to_vector<std::int64_t>(), ElementsAre(0, 255));
  EXPECT_THROW(integers.relu_(), DTypeError);
}

TEST(InPlace, RefusesWhatDoesNotFit) {
  Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of<ShapeError>([&] {
              x += zeros({4, 2, 3});
            }),
            "[add_] expected an operand that broadcasts to f32[2,3]@cpu, got f32[4,2,3]@cpu");
  Tensor wide = zeros({1}).expand({3});
  EXPECT_EQ(
      error_of<ShapeError>([&] { wide += 1; }),
      "[add_] expected memory of its own for each element, got an expanded tensor; x=f32[3]strides[0]@cpu");
  Tensor leaf = zeros({2}).set_requires_grad();
  EXPECT_THROW(leaf += 1, AutogradError);
}

TEST(Autocast, PromotesMixedOperandsAndComputesPowersInFloat) {
  const amp::Autocast autocast(DeviceType::cpu);
  Tensor half = ones({2}, {.dtype = bf16}).set_requires_grad();
  const Tensor sum = half + ones({2});
  EXPECT_EQ(sum.dtype(), f32);
  EXPECT_EQ((half * half).dtype(), bf16);
  EXPECT_EQ(exp(half).dtype(), f32);
  EXPECT_EQ(pow(half, 2).dtype(), f32);
  EXPECT_EQ(where(gt(half, 0), half, ones({2})).dtype(), f32);
  EXPECT_EQ(relu(half).dtype(), bf16);
  sum.backward(ones({2}));
  EXPECT_EQ(half.grad().dtype(), bf16);
}

TEST(Elementwise, GivesTheSameBitsForAnyNumberOfThreads) {
  const Tensor x = hashed({1000003}, 1, -5, 5).to(f32);
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<float> one = (exp(x) * tanh(x) + gelu(x)).to_vector<float>();
  set_num_threads(3);
  const std::vector<float> three = (exp(x) * tanh(x) + gelu(x)).to_vector<float>();
  set_num_threads(before);
  EXPECT_EQ(one, three);
}

}  // namespace
}  // namespace fornax::test
