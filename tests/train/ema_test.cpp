#include "fornax/train/ema.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/nn/layer.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"
#include "fornax/ops/create.h"
#include "fornax/ops/random.h"
#include "support/error_of.h"

namespace fornax::train {
namespace {

using test::error_of;

struct Net final : nn::Layer {
  nn::Child<nn::Linear> fc{*this, "fc", nn::LinearOptions{.in_features = 3, .out_features = 4}};
  nn::Child<nn::BatchNorm1d> bn{*this, "bn", nn::BatchNormOptions{.num_features = 4}};
  Tensor forward(const Tensor& x) override { return bn(fc(x)); }
};

std::vector<double> values(const nn::Module& module) {
  std::vector<double> all;
  for (const auto& [name, tensor] : module.named_parameters())
    for (const double value : tensor.detach().to(f64).to_vector<double>()) all.push_back(value);
  return all;
}

void change(nn::Module& module) {
  const NoGrad no_grad;
  for (Tensor& parameter : module.parameters()) normal_(parameter);
}

std::vector<double> averages(ExponentialMovingAverage& ema, const nn::Module& module) {
  const auto applied = ema.apply();
  return values(module);
}

/// average = decay * average + (1 - decay) * parameter, as torch.optim.swa_utils and timm have it.
void expect_averages(const EmaOptions& options, const std::vector<double>& decays) {
  Net net;
  ExponentialMovingAverage ema(net, options);
  std::vector<double> expected = values(net);
  for (const double decay : decays) {
    change(net);
    EXPECT_NEAR(ema.decay(), decay, 1e-15);
    ema.update();
    const std::vector<double> now = values(net);
    for (std::size_t i = 0; i < now.size(); ++i) expected[i] = decay * expected[i] + (1 - decay) * now[i];
    const std::vector<double> got = averages(ema, net);
    for (std::size_t i = 0; i < now.size(); ++i) EXPECT_NEAR(got[i], expected[i], 2e-6);
    EXPECT_EQ(values(net), now);
  }
  EXPECT_EQ(ema.updates(), std::ssize(decays));
}

TEST(ExponentialMovingAverage, FollowsTheParametersByItsDecay) {
  expect_averages({.decay = 0.75}, {0.75, 0.75, 0.75, 0.75});
}

/// timm's ModelEmaV3.get_decay of steps 1, 2, ...
TEST(ExponentialMovingAverage, WarmsUpAsTimmDoes) {
  const auto at = [](int t) { return 1 - std::pow(1 + t / 2., -0.7); };
  expect_averages({.decay = 0.6, .warmup = true, .warmup_gamma = 2, .warmup_power = 0.7},
                  {0, at(1), at(2), at(3), at(4), at(5), 0.6});
  EXPECT_LT(at(5), 0.6);
  EXPECT_GT(at(6), 0.6);
}

TEST(ExponentialMovingAverage, ItsAppliedAveragesGoWithTheModulesBuffers) {
  Net net;
  ExponentialMovingAverage ema(net, {.decay = 0.5});
  (void)net(ones({2, 3}));
  const auto mean = net.bn->running_mean.to_vector<float>();
  const auto applied = ema.apply();
  EXPECT_EQ(net.bn->running_mean.to_vector<float>(), mean);
  EXPECT_NE(mean, std::vector<float>(4));
}

TEST(ExponentialMovingAverage, KeepsAveragesOfHalvesInF32) {
  Net net;
  net.to(bf16);
  ExponentialMovingAverage ema(net, {.decay = 0.999});
  const Tensor before = net.fc->weight.detach().to(f64).clone();
  {
    const NoGrad no_grad;
    net.fc->weight.add_(1);
  }
  ema.update();
  const Tensor average = ema.state().at("parameters.fc.weight");
  EXPECT_EQ(average.dtype(), f32);
  const auto was = before.to_vector<double>();
  const auto is = net.fc->weight.detach().to(f64).to_vector<double>();
  const auto got = average.to(f64).to_vector<double>();
  for (std::size_t i = 0; i < was.size(); ++i) EXPECT_NEAR(got[i], was[i] + 0.001 * (is[i] - was[i]), 1e-6);
}

TEST(ExponentialMovingAverage, GoesOnFromItsState) {
  Net net;
  ExponentialMovingAverage ema(net, {.decay = 0.9, .warmup = true});
  for (int i = 0; i < 3; ++i) {
    change(net);
    ema.update();
  }
  ExponentialMovingAverage resumed(net, {.decay = 0.9, .warmup = true});
  resumed.load_state(ema.state().clone());
  change(net);
  ema.update();
  resumed.update();
  EXPECT_EQ(averages(resumed, net), averages(ema, net));
  EXPECT_EQ(resumed.updates(), 4);
}

TEST(ExponentialMovingAverage, ASnapshotOfItsStateLoadsIntoAModule) {
  Net net, other;
  ExponentialMovingAverage ema(net, {.decay = 0.5});
  change(net);
  ema.update();
  (void)other.load_state(ema.state().sub("parameters"), /*strict=*/false);
  EXPECT_EQ(values(other), averages(ema, net));
}

TEST(ExponentialMovingAverage, RefusesStatesOfOtherModulesAndChangesNothing) {
  Net net;
  ExponentialMovingAverage ema(net);
  const auto before = averages(ema, net);
  State state;
  state.add_int("updates", 3);
  for (const auto& [name, tensor] : ema.state())
    if (name == "parameters.bn.bias")
      state.add(name, zeros({5}));
    else if (name != "updates")
      state.add(name, zeros(tensor.shape()));
  EXPECT_EQ(error_of<ValueError>([&] { ema.load_state(state); }),
            "[ExponentialMovingAverage] expected 'parameters.bn.bias' like f32[4]@cpu, got f32[5]@cpu");
  State negative;
  negative.add_int("updates", -1);
  EXPECT_EQ(error_of<ValueError>([&] { ema.load_state(negative); }),
            "[ExponentialMovingAverage] expected 0 or more updates, got -1");
  EXPECT_EQ(averages(ema, net), before);
  EXPECT_EQ(ema.updates(), 0);
}

TEST(ExponentialMovingAverage, IsNotUpdatedOrAppliedWhileItIsApplied) {
  Net net;
  ExponentialMovingAverage ema(net);
  {
    const auto applied = ema.apply();
    EXPECT_EQ(error_of<ValueError>([&] { ema.update(); }),
              "[ExponentialMovingAverage] expected no update while the averages are applied, got one");
    EXPECT_EQ(error_of<ValueError>([&] { (void)ema.apply(); }),
              "[ExponentialMovingAverage] expected averages that are not applied yet, got others");
  }
  ema.update();
  EXPECT_EQ(error_of<ValueError>([&] { ExponentialMovingAverage(net, {.decay = 1.5}); }),
            "[ExponentialMovingAverage] expected a decay in [0, 1] and a warmup_gamma and warmup_power above "
            "0, got 1.5, 1 and 0.6666666666666666");
}

}  // namespace
}  // namespace fornax::train
