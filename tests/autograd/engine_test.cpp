#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/reduce.h"
#include "fornax/tensor/tensor.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;
using testing::_;
using testing::ElementsAre;

// Two ops of a user's, made from what the core has: y = 2x by accumulation, and y = x with x saved.
struct DoubleGrad final : autograd::Node {
  std::string_view name() const override { return "double"; }
  Grads backward(const Tensor& dy) override { return {dy, dy}; }
};
Tensor twice(const Tensor& x) {
  Tensor y;
  {
    const NoGrad no_grad;
    y = tensor<double>({2 * x.item()}, x.shape());
  }
  autograd::record<DoubleGrad>(y, {x, x}, [](DoubleGrad&) {});
  return y;
}

struct KeepGrad final : autograd::Node {
  autograd::Saved x;
  std::string_view name() const override { return "keep"; }
  Grads backward(const Tensor& dy) override {
    x.get(*this);
    return {dy};
  }
};
Tensor keep(const Tensor& x) {
  Tensor y = x.detach().clone();
  autograd::record<KeepGrad>(y, {x}, [&](KeepGrad& node) { node.x.save(x); });
  return y;
}

Tensor leaf(double value = 1) { return tensor<double>({value}).set_requires_grad(); }

TEST(Engine, AChainOf100000OpsNeitherOverflowsTheStackNorBlowsUpOnDestruction) {
  const std::int64_t before = autograd::live_nodes();
  {
    Tensor x = leaf();
    Tensor y = x;
    for (int i = 0; i < 100'000; ++i) y = keep(y);
    y.backward();
    EXPECT_EQ(x.grad().item(), 1);
  }
  {
    Tensor y = leaf();
    for (int i = 0; i < 100'000; ++i) y = keep(y);
  }
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Engine, SumsTheGradientsOfAllUses) {
  Tensor x = leaf();
  twice(twice(x)).backward();
  EXPECT_EQ(x.grad().item(), 4);
}

TEST(Engine, AddsToTheGradientsOfEarlierBackwards) {
  Tensor x = leaf();
  twice(x).backward();
  twice(x).backward();
  EXPECT_EQ(x.grad().item(), 4);
}

TEST(Engine, FreesTheGraphUnlessAskedToRetainIt) {
  Tensor x = leaf();
  const Tensor y = twice(x);
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(x.grad().item(), 4);
  try {
    y.backward();
    FAIL();
  } catch (const AutogradError& e) {
    EXPECT_THAT(e.what(),
                testing::StartsWith("[double] expected a graph that has not been differentiated yet"));
  }
}

TEST(Engine, KeepingTheResultKeepsNoChainAlive) {
  Tensor y;
  const std::int64_t before = autograd::live_nodes();
  {
    Tensor x = leaf();
    y = keep(keep(keep(x)));
    y.backward();
  }
  EXPECT_EQ(autograd::live_nodes(), before + 1);
}

TEST(Engine, NamesTheOpWhoseSavedTensorWasOverwritten) {
  Tensor x = leaf();
  const Tensor h = twice(x);
  const Tensor y = keep(h);
  {
    const NoGrad no_grad;
    Tensor(h).fill_(3);
  }
  try {
    y.backward();
    FAIL();
  } catch (const AutogradError& e) {
    EXPECT_STREQ(e.what(),
                 "[keep] expected f64[1]@cpu, which was saved for backward, at version 0, got version 1: it "
                 "was written in "
                 "place since");
  }
}

TEST(Engine, RecordsNothingUnderNoGrad) {
  Tensor x = leaf();
  const NoGrad no_grad;
  EXPECT_FALSE(twice(x).requires_grad());
}

TEST(Engine, HooksSeeAndReplaceGradients) {
  Tensor x = leaf();
  Tensor h = twice(x);
  h.register_hook([](const Tensor& dy) { return tensor<double>({10 * dy.item()}); });
  h.retain_grad();
  std::vector<double> ready;
  x.register_grad_ready_hook([&](const Tensor& grad) { ready.push_back(grad.item()); });
  twice(h).backward();
  EXPECT_EQ(h.grad().item(), 20);
  EXPECT_THAT(ready, ElementsAre(40));
}

TEST(Engine, AHookMayRemoveItself) {
  Tensor x = leaf(), h = twice(x);
  int of_h = 0, of_x = 0, calls = 0;
  of_h = h.register_hook([&](const Tensor&) {
    ++calls;
    h.remove_hook(of_h);
    return Tensor();
  });
  h.register_hook([](const Tensor& dy) { return tensor<double>({10 * dy.item()}); });
  of_x = x.register_grad_ready_hook([&](const Tensor&) {
    ++calls;
    x.remove_hook(of_x);
  });
  h.backward({}, true);
  h.backward();
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(x.grad().item(), 40);
}

TEST(Engine, AHookMayRunAnotherBackwardOnTheSameLeaf) {
  Tensor x = leaf(), y = x * 2;
  y.register_hook([&](const Tensor&) {
    const GradGuard record(true);
    (x * 3).backward();
    return Tensor();
  });
  (y * x).backward();
  EXPECT_EQ(x.grad().item(), 3 + 4);
}

TEST(Engine, AHookThatFreesTheGraphAroundItIsNoticed) {
  Tensor x = leaf(), y = twice(x);
  bool inside = false;
  y.register_hook([&](const Tensor&) {
    if (!std::exchange(inside, true)) {
      const GradGuard record(true);
      keep(y).backward();
    }
    return Tensor();
  });
  EXPECT_THAT(error_of<AutogradError>([&] { twice(y).backward(); }),
              testing::StartsWith("[double] expected a graph that has not been differentiated yet"));
}

TEST(Engine, RunsWithoutTheAutocastOfTheCaller) {
  Tensor x = ones({2, 2}).set_requires_grad();
  const Tensor y = matmul(x, ones({2, 2}));
  const amp::Autocast autocast(DeviceType::cpu);
  y.backward(ones({2, 2}));
  EXPECT_THAT(x.grad().to_vector<float>(), ElementsAre(2, 2, 2, 2));
  EXPECT_TRUE(amp::autocast_enabled());
  sum(matmul(x, ones({2, 2}))).backward();
  EXPECT_THAT(x.grad().to_vector<float>(), ElementsAre(4, 4, 4, 4));
}

struct WrongShapeGrad final : autograd::Node {
  std::string_view name() const override { return "wrong"; }
  Grads backward(const Tensor&) override { return {zeros({3}, {.dtype = f64})}; }
};

TEST(Engine, RejectsAGradientOfTheWrongShapeAndStaysUsable) {
  Tensor x = leaf();
  Tensor y = x.detach().clone();
  autograd::record<WrongShapeGrad>(y, {x}, [](WrongShapeGrad&) {});
  try {
    y.backward();
    FAIL();
  } catch (const AutogradError& e) {
    EXPECT_STREQ(e.what(),
                 "[wrong] expected backward to give f64[1] as the gradient of input 0, got f64[3]@cpu");
  }
  twice(x).backward();
  EXPECT_EQ(x.grad().item(), 2);
}

TEST(Engine, LeavesThatRequireGradAreNotWrittenInPlace) {
  Tensor x = leaf();
  EXPECT_THROW(x.fill_(0), AutogradError);
  const NoGrad no_grad;
  x.fill_(5);
  EXPECT_EQ(x.item(), 5);
}

/// y = x, which notes what it was handed.
struct SummandsGrad final : autograd::Node {
  std::vector<std::vector<double>>* handed = nullptr;
  std::string_view name() const override { return "summands"; }
  bool takes_summands() const noexcept override { return true; }
  Grads backward(const Tensor& dy) override {
    handed->push_back({dy.item()});
    return {dy};
  }
  Grads backward_of_sum(const Tensor& dy, const Tensor& more) override {
    handed->push_back({dy.item(), more.item()});
    return {dy + more};
  }
};
Tensor noted(const Tensor& x, std::vector<std::vector<double>>& handed) {
  Tensor y = x.detach().clone();
  autograd::record<SummandsGrad>(y, {x}, [&](SummandsGrad& node) { node.handed = &handed; });
  return y;
}

TEST(Engine, HandsTwoGradientsOverAsTheyAreToANodeThatAddsThem) {
  std::vector<std::vector<double>> handed;
  const Tensor x = leaf();
  keep(noted(x, handed)).backward();
  EXPECT_THAT(handed, ElementsAre(ElementsAre(1)));
  Tensor y = noted(x, handed);
  (y * 2 + y * 3).backward();
  y = noted(x, handed);
  (y * 2 + y * 3 + y * 4).backward();
  EXPECT_THAT(handed, ElementsAre(ElementsAre(1), ElementsAre(_, _), ElementsAre(_, _)));
  EXPECT_EQ(handed[1][0] + handed[1][1], 5);
  EXPECT_EQ(handed[2][0] + handed[2][1], 9);
  EXPECT_EQ(x.grad().item(), 1 + 5 + 9);
}

TEST(Engine, HooksSeeTheSumOfWhatIsHandedOverInTwo) {
  std::vector<std::vector<double>> handed;
  const Tensor x = leaf();
  Tensor y = noted(x, handed);
  double seen = 0;
  y.register_hook([&](const Tensor& dy) {
    seen = dy.item();
    return Tensor();
  });
  (y * 2 + y * 3).backward();
  EXPECT_EQ(seen, 5);
  y = noted(x, handed);
  y.retain_grad();
  (y * 2 + y * 3).backward();
  EXPECT_EQ(y.grad().item(), 5);
  EXPECT_THAT(handed, ElementsAre(ElementsAre(5), ElementsAre(5)));
}

TEST(Engine, ABackwardInsideOfAnotherLeavesTheSummandsOfTheOuterOne) {
  std::vector<std::vector<double>> handed;
  const Tensor x = leaf();
  const Tensor y = noted(x, handed), other = y * 7;
  Tensor between = keep(x);
  between.register_hook([&](const Tensor&) {
    other.backward({}, true);
    return Tensor();
  });
  (y * 2 + y * 3 + between).backward();  // y has both parts when the hook of what was recorded after it runs
  ASSERT_THAT(handed, ElementsAre(ElementsAre(7), ElementsAre(_, _)));
  EXPECT_EQ(handed[1][0] + handed[1][1], 5);
  EXPECT_EQ(x.grad().item(), 7 + 5 + 1);
}

TEST(SetData, KeepsHandlesHooksAndTheGradient) {
  Tensor weight = tensor<float>({1, 2}).set_requires_grad();
  const Tensor handle = weight;
  int calls = 0;
  weight.register_grad_ready_hook([&](const Tensor&) { ++calls; });
  weight.set_grad(tensor<float>({3, 4}));
  weight.set_data(weight.detach().to(f64));
  EXPECT_TRUE(handle.requires_grad() && handle.is_leaf());
  EXPECT_THAT(handle.to_vector<double>(), ElementsAre(1, 2));
  EXPECT_THAT(handle.grad().to_vector<double>(), ElementsAre(3, 4));
  keep(weight).backward(tensor<double>({1, 1}));
  EXPECT_THAT(handle.grad().to_vector<double>(), ElementsAre(4, 5));
  EXPECT_EQ(calls, 1);
}

TEST(SetData, RefusesWhatIsNoLeafOrHasAnotherShape) {
  Tensor x = leaf();
  EXPECT_EQ(error_of<AutogradError>([&] { keep(x).set_data(x.detach()); }),
            "[set_data] expected a leaf, got the result of keep");
  EXPECT_EQ(error_of<ShapeError>([&] {
              x.set_data(tensor<double>({1, 2}));
            }),
            "[set_data] expected data like f64[1]@cpu, got f64[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { x.set_data(tensor<std::int64_t>({1})); }),
            "[set_data] expected a floating tensor, got i64[1]@cpu");
}

TEST(Views, SendGradientsThroughPermuteSliceAndReshape) {
  Tensor x = tensor<double>({1, 2, 3, 4, 5, 6}, {2, 3}).set_requires_grad();
  const Tensor y = x.permute({1, 0}).slice(0, 0, 3, 2).reshape({4});
  EXPECT_THAT(y.to_vector<double>(), ElementsAre(1, 4, 3, 6));
  y.backward(tensor<double>({1, 2, 3, 4}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(1, 0, 3, 2, 0, 4));
}

TEST(Views, AStaleViewIsRefused) {
  Tensor x = leaf();
  Tensor h = twice(x);
  const Tensor view = h.view({1, 1});
  h.fill_(1);
  EXPECT_EQ(
      error_of<AutogradError>([&] { keep(view); }),
      "[keep] expected a view whose memory is as it was when the view was made, got f64[1,1]@cpu, which "
      "was written in place since; take the view again");
  EXPECT_EQ(h.version(), 1u);
  Tensor other = zeros({1}, {.dtype = f64});
  EXPECT_THAT(error_of<AutogradError>([&] { other.add_(view[0]); }), testing::StartsWith("[slice] "));
  EXPECT_THAT(error_of<AutogradError>([&] {
                other.view({1, 1}).detach().add_(view);
              }),
              testing::StartsWith("[add_] "));
  EXPECT_EQ(other.version(), 0u);
}

TEST(Views, OfMemoryThatGotAHistorySinceAreRefused) {
  Tensor buffer = zeros({2, 3}), weight = ones({3}).set_requires_grad();
  Tensor row = buffer[0];
  buffer.add_(weight);
  EXPECT_THAT(error_of<AutogradError>([&] { sum(row); }),
              testing::StartsWith("[sum] expected a view whose memory is as it was when the view was made"));
  EXPECT_THROW(row.add_(1), AutogradError);
  sum(buffer[0]).backward();
  EXPECT_THAT(weight.grad().to_vector<float>(), ElementsAre(1, 1, 1));
  const NoGrad no_grad;
  EXPECT_EQ(sum(row).item(), 3);
}

TEST(Views, ArePartOfWhatTheyAreAViewOfUnlikeADetachedTensor) {
  Tensor h = twice(leaf()), weight = leaf();
  EXPECT_TRUE(h.view({1, 1}).is_view());
  EXPECT_FALSE(h.is_view());
  EXPECT_FALSE(h.detach().is_view());
  Tensor free = h.detach();
  free.add_(weight);
  free.backward();
  EXPECT_EQ(weight.grad().item(), 1);
  EXPECT_EQ(h.item(), 3);
}

TEST(InPlace, IsRefusedWhereGradientsWouldBeWrong) {
  Tensor x = leaf(), view = twice(x).view({1, 1}), plain = zeros({2, 1}, {.dtype = f64})[0];
  EXPECT_EQ(
      error_of<AutogradError>([&] { x.mul_(3); }),
      "[mul_] expected a tensor that may be written in place, got a leaf that requires grad; use NoGrad "
      "or detach(); x=f64[1]@cpu");
  EXPECT_EQ(
      error_of<AutogradError>([&] { view.mul_(3); }),
      "[mul_] expected a tensor that is not a view where gradients are recorded, got a view; write out of "
      "place (concat, stack, where) or under NoGrad; x=f64[1,1]@cpu");
  EXPECT_THAT(error_of<AutogradError>([&] { plain.copy_(x); }),
              testing::StartsWith("[copy_] expected a tensor that is not a view"));
  plain.mul_(3);
  const NoGrad no_grad;
  view.mul_(3);
  EXPECT_EQ(view.item(), 6);
}

TEST(InPlace, CopiesFromItsOwnMemory) {
  Tensor x = tensor<double>({1, 2, 3, 4}, {2, 2}).set_requires_grad(), y = x * 1;
  y.copy_(y.transpose(0, 1));
  EXPECT_THAT(y.to_vector<double>(), ElementsAre(1, 3, 2, 4));
  y.backward(tensor<double>({1, 2, 3, 4}, {2, 2}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(1, 3, 2, 4));
}

TEST(GradMode, CanBeTurnedOnInsideOfNoGrad) {
  const Tensor x = leaf();
  const NoGrad no_grad;
  {
    const GradGuard on(true);
    EXPECT_TRUE(keep(x).requires_grad());
  }
  EXPECT_FALSE(keep(x).requires_grad());
}

}  // namespace
}  // namespace fornax
