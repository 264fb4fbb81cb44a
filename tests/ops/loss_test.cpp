#include "fornax/ops/loss.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;

TEST(BceWithLogits, IsExactForConfidentAndForUntrainedLogits) {
  Tensor x = tensor<float>({0, 20, -20, 1000}).set_requires_grad();
  const Tensor target = tensor<float>({1, 1, 1, 1});
  const Tensor loss = binary_cross_entropy_with_logits(x, target, {.reduction = Reduction::none});
  const std::vector<float> values = loss.to_vector<float>();
  EXPECT_FLOAT_EQ(values[0], std::log(2.f));
  EXPECT_FLOAT_EQ(values[1], std::exp(-20.f));
  EXPECT_FLOAT_EQ(values[2], 20);
  EXPECT_EQ(values[3], 0);
  loss.backward(ones({4}));
  EXPECT_FLOAT_EQ(x.grad().to_vector<float>()[0], -0.5f);
  EXPECT_FLOAT_EQ(x.grad().to_vector<float>()[2], -1);
}

TEST(Losses, RefuseTargetsThatWouldBroadcast) {
  EXPECT_EQ(
      error_of<ShapeError>([] {
        mse_loss(zeros({4, 1}), zeros({4}));
      }),
      "[mse_loss] expected x and target of one shape, got [4,1] and [4]; x=f32[4,1]@cpu target=f32[4]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { l1_loss(zeros({4}), zeros({4}, {.dtype = f64})); }),
            "[l1_loss] expected operands of one dtype, got f32 and f64; x=f32[4]@cpu target=f64[4]@cpu");
  EXPECT_EQ(
      error_of<ShapeError>([] {
        binary_cross_entropy_with_logits(zeros({4}), zeros({4}), {.weight = zeros({2, 4})});
      }),
      "[binary_cross_entropy_with_logits] expected weights that broadcast to f32[4]@cpu, got f32[2,4]@cpu");
}

TEST(Losses, RunInFloatUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  const Tensor x = zeros({4}, {.dtype = bf16}), target = zeros({4});
  EXPECT_EQ(mse_loss(x, target).dtype(), f32);
  EXPECT_EQ(l1_loss(x, target).dtype(), f32);
  EXPECT_EQ(binary_cross_entropy_with_logits(x, target).dtype(), f32);
  EXPECT_EQ(binary_cross_entropy_with_logits(x, x, {.weight = target, .pos_weight = x}).dtype(), f32);
  EXPECT_EQ(cross_entropy(x, zeros({}, {.dtype = i64})).dtype(), f32);
  EXPECT_EQ(nll_loss(x, zeros({}, {.dtype = i64})).dtype(), f32);
}

}  // namespace
}  // namespace fornax
