#include "fornax/nn/loss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/ops/create.h"
#include "fornax/ops/random.h"

namespace fornax::nn {
namespace {

const Tensor& factors() {
  static const Tensor of_classes = tensor<float>({1, 2, 3});
  return of_classes;
}

TEST(Losses, AreTheOpsOfTheirNames) {
  const Tensor x = randn({4, 3}), y = rand({4, 3}), target = tensor<std::int64_t>({0, 2, 1, 1});
  EXPECT_EQ(CrossEntropyLoss({.label_smoothing = 0.1})(x, target).item(),
            cross_entropy(x, target, {.label_smoothing = 0.1}).item());
  EXPECT_EQ(NLLLoss({.reduction = Reduction::sum})(x, target).item(),
            nll_loss(x, target, {.reduction = Reduction::sum}).item());
  EXPECT_EQ(BCEWithLogitsLoss({.pos_weight = factors()})(x, y).item(),
            binary_cross_entropy_with_logits(x, y, {.pos_weight = factors()}).item());
  EXPECT_EQ(MSELoss()(x, y).item(), mse_loss(x, y).item());
  EXPECT_EQ(L1Loss({.reduction = Reduction::sum})(x, y).item(), l1_loss(x, y, Reduction::sum).item());
}

TEST(Losses, OwnTheirFactors) {
  CrossEntropyLoss loss({.weight = factors()});
  loss.to(f64);
  EXPECT_EQ(factors().dtype(), f32);
  EXPECT_EQ(loss.state().at("weight").dtype(), f64);
  const Tensor x = randn({2, 3}, {.dtype = f64}), target = tensor<std::int64_t>({0, 2});
  EXPECT_EQ(loss(x, target).item(), cross_entropy(x, target, {.weight = factors().to(f64)}).item());
}

TEST(Losses, SharesNothingWithItsClone) {
  BCEWithLogitsLoss loss({.weight = factors(), .pos_weight = factors()});
  const auto copy = clone(loss);
  const Tensor x = randn({2, 3}), y = rand({2, 3});
  const double before = (*copy)(x, y).item();
  EXPECT_EQ(loss(x, y).item(), before);
  loss.load_state({{"weight", zeros({3})}, {"pos_weight", zeros({3})}});
  EXPECT_EQ(loss(x, y).item(), 0);
  EXPECT_EQ((*copy)(x, y).item(), before);
}

}  // namespace
}  // namespace fornax::nn
