#include "fornax/optim/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fornax/ops/create.h"
#include "fornax/optim/adamw.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/optim/sgd.h"
#include "support/error_of.h"

namespace fornax::optim {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::FloatEq;

Tensor parameter(std::initializer_list<float> values) { return tensor<float>(values).set_requires_grad(); }
std::vector<std::string> names(const State& state) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : state) all.push_back(name);
  return all;
}
/// A few steps with gradients that are the parameter itself and change in each.
void descend(Optimizer& optimizer, int steps) {
  for (int i = 0; i < steps; ++i) {
    for (Tensor p : optimizer.parameters()) p.set_grad(p.detach().clone());
    optimizer.step();
  }
}

TEST(SGD, StepsAgainstTheGradient) {
  Tensor w = parameter({1, 2});
  SGD sgd({w}, {.lr = 0.5});
  w.set_grad(tensor<float>({1, -2}));
  sgd.step();
  EXPECT_THAT(w.to_vector<float>(), ElementsAre(0.5, 3));
}

TEST(SGD, KeepsAVelocity) {
  Tensor w = parameter({0});
  SGD sgd({w}, {.lr = 1, .momentum = 0.5, .dampening = 0.25});
  w.set_grad(tensor<float>({4}));
  sgd.step();
  EXPECT_EQ(w.item(), -4) << "the first gradient counts fully";
  sgd.step();
  EXPECT_EQ(w.item(), -4 - (2 + 3));
}

TEST(SGD, LooksAheadWithNesterov) {
  Tensor w = parameter({0});
  SGD sgd({w}, {.lr = 1, .momentum = 0.5, .nesterov = true});
  w.set_grad(tensor<float>({4}));
  sgd.step();
  EXPECT_EQ(w.item(), -6);
}

TEST(SGD, AddsWeightDecayToTheGradient) {
  Tensor w = parameter({2});
  SGD sgd({w}, {.lr = 1, .weight_decay = 0.25});
  w.set_grad(tensor<float>({1}));
  sgd.step();
  EXPECT_EQ(w.item(), 0.5);
}

TEST(SGD, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { SGD(State(), {.lr = -1}); }),
            "[SGD] expected rates of 0 or more, got lr=-1 momentum=0 weight_decay=0");
  EXPECT_EQ(error_of<ValueError>([] { SGD(State(), {.nesterov = true}); }),
            "[SGD] expected momentum and no dampening for Nesterov, got momentum=0 dampening=0");
}

TEST(AdamW, StepsByItsRateWhateverTheGradientsSize) {
  Tensor w = parameter({1, 1});
  AdamW adam({w}, {.lr = 0.125, .eps = 0, .weight_decay = 0});
  w.set_grad(tensor<float>({1e-3f, -50}));
  adam.step();
  EXPECT_THAT(w.to_vector<float>(), ElementsAre(FloatEq(0.875), FloatEq(1.125)));
}

TEST(AdamW, DecaysWeightsApartFromTheGradient) {
  Tensor w = parameter({2});
  AdamW adam({w}, {.lr = 0.5, .weight_decay = 0.5});
  w.set_grad(zeros({1}));
  adam.step();
  EXPECT_FLOAT_EQ(w.item<float>(), 1.5);
}

TEST(AdamW, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(
      error_of<ValueError>([] { AdamW(State(), {.beta2 = 1}); }),
      "[AdamW] expected lr, eps and weight_decay of 0 or more and betas in [0, 1), got lr=0.001 eps=1e-08 "
      "weight_decay=0.01 beta1=0.9 beta2=1");
}

TEST(Optimizer, LeavesParametersWithoutGradientAlone) {
  Tensor a = parameter({1}), b = parameter({2});
  SGD sgd({a, b}, {.lr = 1, .momentum = 0.9, .weight_decay = 1});
  b.set_grad(ones({1}));
  sgd.step();
  EXPECT_EQ(a.item(), 1);
  EXPECT_EQ(b.item(), -1);
  sgd.zero_grad();
  EXPECT_FALSE(b.grad().defined());
}

TEST(Optimizer, BumpsTheVersionOfWhatItWrites) {
  Tensor w = parameter({1});
  SGD sgd({w}, {.lr = 1});
  w.set_grad(ones({1}));
  const auto before = w.version();
  sgd.step();
  EXPECT_GT(w.version(), before);
  EXPECT_TRUE(w.requires_grad() && w.is_leaf());
}

TEST(Optimizer, GivesEachGroupItsOwnOptions) {
  Tensor a = parameter({1}), b = parameter({1});
  SGD sgd({{State{{"a", a}}, {.lr = 1}}, {State{{"b", b}}, {.lr = 0.25}}});
  a.set_grad(ones({1}));
  b.set_grad(ones({1}));
  sgd.step();
  EXPECT_EQ(a.item(), 0);
  EXPECT_EQ(b.item(), 0.75);
  sgd.set_lr(0.5);
  EXPECT_EQ(sgd.lr(0), 0.5);
  EXPECT_EQ(sgd.lr(1), 0.5);
  sgd.options(1).weight_decay = 3;
  EXPECT_EQ(sgd.options(0).weight_decay, 0);
  EXPECT_EQ(error_of<IndexError>([&] { sgd.lr(2); }), "[optimizer] expected a group below 2, got 2");
}

TEST(Optimizer, TakesGroupsLater) {
  const Tensor a = parameter({1}), b = parameter({1});
  SGD sgd(State{{"a", a}}, {.lr = 1, .momentum = 0.5});
  descend(sgd, 1);
  sgd.add_group({State{{"b", b}}, {.lr = 0.25}});
  EXPECT_EQ(sgd.group_count(), 2u);
  EXPECT_EQ(sgd.lr(1), 0.25);
  Tensor(b).set_grad(ones({1}));
  Tensor(a).set_grad({});
  sgd.step();
  EXPECT_EQ(b.item(), 0.75);
  EXPECT_TRUE(sgd.state().contains("parameters.a.momentum_buffer"));

  EXPECT_EQ(error_of<ValueError>([&] {
              sgd.add_group({State{{"c", a}}, {.lr = 1}});
            }),
            "[optimizer] expected each parameter once, got 'c' again");
  EXPECT_EQ(error_of<ValueError>([&] {
              sgd.add_group({State{{"c", parameter({1})}}, {.lr = -1}});
            }),
            "[SGD] expected rates of 0 or more, got lr=-1 momentum=0 weight_decay=0");
  EXPECT_EQ(sgd.group_count(), 2u);
  EXPECT_EQ(sgd.parameters().size(), 2u);
  AdamW adam(State{{"a", a}}, {});
  adam.add_group({State{{"b", b}}, {.beta1 = 0.5}});
  EXPECT_EQ(adam.momentum(1), 0.5);
}

TEST(Optimizer, SparesBiasesAndNormsFromWeightDecayWhereAsked) {
  const State parameters{
      {"conv.weight", ones({2, 3, 1, 1})}, {"conv.bias", ones({2})}, {"bn.weight", ones({2})}};
  const auto groups = no_decay_groups(parameters, SGDOptions{.lr = 0.1, .weight_decay = 1e-4});
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_THAT(names(groups[0].parameters), ElementsAre("conv.weight"));
  EXPECT_THAT(names(groups[1].parameters), ElementsAre("conv.bias", "bn.weight"));
  EXPECT_EQ(groups[0].options.weight_decay, 1e-4);
  EXPECT_EQ(groups[1].options.weight_decay, 0);
  EXPECT_EQ(no_decay_groups(State{{"weight", ones({2, 2})}}, SGDOptions{}).size(), 1u);
}

TEST(Optimizer, NamesItsStateByItsParameters) {
  SGD sgd(State{{"fc.weight", parameter({1})}}, {.lr = 0.5, .momentum = 0.9});
  descend(sgd, 1);
  EXPECT_THAT(names(sgd.state()),
              ElementsAre("parameters.fc.weight.step", "parameters.fc.weight.momentum_buffer", "groups.0.lr",
                          "groups.0.momentum", "groups.0.dampening", "groups.0.weight_decay"));
  EXPECT_EQ(sgd.state().double_at("groups.0.lr"), 0.5);
  AdamW adam({parameter({1})}, {});
  EXPECT_THAT(names(adam.state()), ElementsAre("groups.0.lr", "groups.0.beta1", "groups.0.beta2",
                                               "groups.0.eps", "groups.0.weight_decay"))
      << "before the first step there are no buffers";
}

template <class O>
void goes_on_where_another_stopped(const typename O::Options& options) {
  Tensor w = parameter({1, -2, 3});
  O stopped({w}, options);
  descend(stopped, 3);
  stopped.set_lr(0.03);
  Tensor v = w.detach().clone().set_requires_grad();
  O resumed({v}, {});
  resumed.load_state(stopped.state().clone());
  descend(stopped, 2);
  descend(resumed, 2);
  EXPECT_EQ(v.to_vector<float>(), w.to_vector<float>());
}
TEST(Optimizer, GoesOnWhereAnotherOneStopped) {
  goes_on_where_another_stopped<SGD>({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  goes_on_where_another_stopped<AdamW>({.lr = 0.1, .beta1 = 0.8, .weight_decay = 0.1});
}

TEST(Optimizer, RefusesAStateThatIsNotItsOwnAndChangesNothing) {
  const Tensor w = parameter({1, 2});
  SGD sgd(State{{"w", w}}, {.lr = 0.5, .momentum = 0.9});
  descend(sgd, 1);
  SGD other(State{{"v", parameter({1, 2})}}, {.lr = 0.1, .momentum = 0.9});
  EXPECT_EQ(error_of<ValueError>([&] { other.load_state(sgd.state()); }),
            "[optimizer] expected the state of these parameters and groups, got "
            "'parameters.w.momentum_buffer' and 1 "
            "more that are not theirs");
  EXPECT_EQ(other.lr(), 0.1);
  SGD longer(State{{"w", parameter({1, 2, 3})}}, {.lr = 0.1});
  EXPECT_EQ(error_of<ValueError>([&] { longer.load_state(sgd.state()); }),
            "[optimizer] expected 'parameters.w.momentum_buffer' to fit f32[3]@cpu, got f32[2]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { other.load_state({}); }),
            "[state] expected an entry 'groups.0.lr', got none among 0");
}

TEST(Optimizer, RefusesAStateThatIsNotWhole) {
  AdamW adam(State{{"w", parameter({1})}}, {});
  descend(adam, 2);
  const auto refusal = [&](Optimizer& optimizer, std::string_view without, std::int64_t steps) {
    State state;
    for (const auto& [name, tensor] : adam.state())
      if (name != without && name != "parameters.w.step") state.add(name, tensor);
    if (without != "parameters.w.step") state.add_int("parameters.w.step", steps);
    return error_of<ValueError>([&] { optimizer.load_state(state); });
  };
  AdamW other(State{{"w", parameter({1})}}, {});
  for (const std::string name : {"parameters.w.exp_avg", "parameters.w.exp_avg_sq"})
    EXPECT_EQ(refusal(other, name, 2), "[state] expected an entry '" + name + "', got none among 7");
  EXPECT_EQ(refusal(other, "", -1), "[optimizer] expected 'parameters.w.step' of 1 or more, got -1");
  EXPECT_EQ(refusal(other, "parameters.w.step", 0),
            "[optimizer] expected the state of these parameters and groups, got 'parameters.w.exp_avg' and 1 "
            "more that are not theirs");
  EXPECT_EQ(other.state().size(), 5u) << "it has taken no steps";
  EXPECT_EQ(refusal(other, "", 2), "no error");
  EXPECT_EQ(other.state().int_at("parameters.w.step"), 2);
}

TEST(Optimizer, RefusesWhatIsNoParameter) {
  Tensor w = parameter({1});
  EXPECT_EQ(error_of<ValueError>([&] {
              SGD({w, w}, {.lr = 1});
            }),
            "[optimizer] expected each parameter once, got '1' again");
  EXPECT_EQ(error_of<DTypeError>([&] { SGD(std::vector{zeros({1}, {.dtype = DType::i64})}, {.lr = 1}); }),
            "[optimizer] expected floating parameters, got '0' i64[1]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] {
              SGD(std::vector{w.view({1, 1})}, {.lr = 1});
            }),
            "[optimizer] expected leaves, got '0', the result of an op");
}

TEST(ClipGradNorm, ScalesAllGradientsTogetherDownToTheNorm) {
  Tensor a = parameter({0, 0}), b = parameter({0}), none = parameter({0});
  a.set_grad(tensor<float>({3, 0}));
  b.set_grad(tensor<float>({4}));
  EXPECT_FLOAT_EQ(clip_grad_norm_({a, b, none}, 1).item<float>(), 5);
  EXPECT_NEAR(a.grad().to_vector<float>()[0], 0.6, 1e-6);
  EXPECT_NEAR(b.grad().item(), 0.8, 1e-6);
}

TEST(ClipGradNorm, LeavesSmallGradientsAlone) {
  Tensor a = parameter({0});
  a.set_grad(tensor<float>({3}));
  EXPECT_FLOAT_EQ(clip_grad_norm_({a}, 10).item<float>(), 3);
  EXPECT_EQ(a.grad().item(), 3);
}

TEST(ClipGradNorm, NeedsAPositiveNorm) {
  EXPECT_EQ(error_of<ValueError>([] { clip_grad_norm_({}, 0); }),
            "[clip_grad_norm_] expected a max_norm above 0, got 0");
}

}  // namespace
}  // namespace fornax::optim
