#include "fornax/optim/grad_scaler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/reduce.h"
#include "fornax/optim/adamw.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/optim/sgd.h"
#include "support/error_of.h"

namespace fornax::amp {
namespace {

using test::error_of;

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor leaf(const std::vector<float>& values) {
  return from_span<float>(values, {std::ssize(values)}).set_requires_grad();
}

/// A step whose gradient is `slope` for all of p.
void step(GradScaler& scaler, optim::Optimizer& optimizer, const Tensor& p, double slope) {
  optimizer.zero_grad();
  scaler.scale(sum(p * slope)).backward();
  scaler.step(optimizer);
  scaler.update();
}

enum class Rule { sgd, adamw };

std::unique_ptr<optim::Optimizer> make(Rule rule, const Tensor& p) {
  if (rule == Rule::adamw)
    return std::make_unique<optim::AdamW>(std::vector<Tensor>{p}, optim::AdamWOptions{.lr = 0.1});
  return std::make_unique<optim::SGD>(std::vector<Tensor>{p},
                                      optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
}

TEST(GradScaler, ScalesTheLossAndUnscalesTheGradients) {
  const Tensor p = leaf({1, 1});
  optim::SGD optimizer({p}, {.lr = 1});
  GradScaler scaler({.init_scale = 1024});
  const Tensor loss = scaler.scale(sum(p * 2));
  EXPECT_EQ(loss.item(), 4096);
  loss.backward();
  EXPECT_EQ(p.grad().to_vector<float>(), (std::vector<float>{2048, 2048}));
  scaler.step(optimizer);
  EXPECT_EQ(p.grad().to_vector<float>(), (std::vector<float>{2, 2}));
  EXPECT_EQ(p.to_vector<float>(), (std::vector<float>{-1, -1}));
}

TEST(GradScaler, KeepsGradientsThatF16WouldLose) {
  const Tensor x = full({1, 1}, 1e-4);
  Tensor w = full({1, 1}, 1e-4).set_requires_grad();
  const Autocast autocast(DeviceType::cpu, f16);
  const auto gradient = [&](GradScaler& scaler) {
    w.set_grad({});
    scaler.scale(sum(matmul(x, w)) * 1e-4).backward();
    optim::SGD optimizer({w}, {.lr = 0});
    scaler.step(optimizer);
    return w.grad().item();
  };
  GradScaler none({.enabled = false}), scaler;
  EXPECT_EQ(gradient(none), 0);
  EXPECT_NEAR(gradient(scaler), 1e-8, 1e-10);
}

TEST(GradScaler, ChangesTheScaleAfterStepsAsItsRuleSays) {
  const Tensor p = leaf({1});
  optim::SGD optimizer({p}, {.lr = 0});
  GradScaler scaler({.init_scale = 8, .growth_factor = 4, .backoff_factor = 0.25, .growth_interval = 2});
  std::vector<double> scales;
  for (const double slope : {1., 1., inf, 1., double(NAN), 1., 1.}) {
    step(scaler, optimizer, p, slope);
    scales.push_back(scaler.get_scale());
  }
  EXPECT_EQ(scales, (std::vector<double>{8, 32, 8, 8, 2, 2, 8}));
}

TEST(GradScaler, ASkippedStepIsAsIfItHadNeverBeen) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    const auto train = [&](const std::vector<double>& slopes) {
      const Tensor p = leaf({1, -2, 3});
      const auto optimizer = make(rule, p);
      GradScaler scaler({.init_scale = 64});
      for (const double slope : slopes) step(scaler, *optimizer, p, slope);
      const State state = optimizer->state();
      std::vector<std::vector<double>> all{p.to(f64).to_vector<double>()};
      for (const auto& [name, value] : state) all.push_back(value.to(f64).to_vector<double>());
      return all;
    };
    // Powers of two scale exactly.
    EXPECT_EQ(train({inf, inf, 1, 2, inf, 3, inf}), train({1, 2, 3}));
  }
}

TEST(GradScaler, StepsWithAndWithoutItAreCountedTogether) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    const Tensor p = leaf({1, -2, 3}), q = leaf({1, -2, 3});
    const auto scaled = make(rule, p), plain = make(rule, q);
    GradScaler scaler;
    for (const bool by_scaler : {false, true, true, false, true}) {
      if (by_scaler) {
        step(scaler, *scaled, p, 1);
      } else {
        scaled->zero_grad();
        sum(p).backward();
        scaled->step();
      }
      plain->zero_grad();
      sum(q).backward();
      plain->step();
    }
    EXPECT_EQ(p.to_vector<float>(), q.to_vector<float>());
    EXPECT_EQ(scaled->state().int_at("parameters.0.step"), 5);
  }
}

TEST(GradScaler, MomentumThatComesLaterStartsFromZero) {
  const Tensor p = leaf({1});
  optim::SGD optimizer({p}, {.lr = 0.5});
  GradScaler scaler;
  step(scaler, optimizer, p, 1);
  optimizer.options().momentum = 0.5;
  step(scaler, optimizer, p, 1);
  step(scaler, optimizer, p, 1);
  EXPECT_EQ(p.item(), 1 - 0.5 * (1 + 1 + 1.5));
}

TEST(GradScaler, ClipsTheGradientsAsTheyAre) {
  const Tensor p = leaf({0, 0});
  optim::SGD optimizer({p}, {.lr = 1});
  GradScaler scaler;
  scaler.scale(sum(p * 3)).backward();
  scaler.unscale_(optimizer);
  EXPECT_NEAR(optim::clip_grad_norm_({p}, 1).item(), std::sqrt(18.), 1e-6);
  scaler.step(optimizer);
  scaler.update();
  EXPECT_NEAR(p[0].item(), -std::sqrt(0.5), 1e-5);
}

TEST(GradScaler, OneOfSeveralOptimizersIsEnoughToShrinkTheScale) {
  const Tensor p = leaf({1}), q = leaf({1});
  optim::SGD first({p}, {.lr = 1}), second({q}, {.lr = 1});
  GradScaler scaler({.init_scale = 8});
  scaler.scale(sum(p) + sum(q * inf)).backward();
  scaler.step(first);
  scaler.step(second);
  scaler.update();
  EXPECT_EQ(p.item(), 0) << "its gradients are finite";
  EXPECT_EQ(q.item(), 1);
  EXPECT_EQ(scaler.get_scale(), 4);
}

TEST(GradScaler, GoesOnWhereItsStateWasTaken) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    const std::vector<double> slopes{1, inf, 2, 3, inf, 4};
    const GradScalerOptions options{.init_scale = 64, .growth_interval = 2};
    const Tensor p = leaf({1, 2});
    const auto optimizer = make(rule, p);
    GradScaler scaler(options);
    State model, steps, scale;
    for (std::size_t i = 0; i < slopes.size(); ++i) {
      if (i == 3) {
        model.add("p", p.detach().clone());
        steps = optimizer->state().clone();
        scale = scaler.state().clone();
      }
      step(scaler, *optimizer, p, slopes[i]);
    }
    const Tensor q = model.at("p").clone().set_requires_grad();
    const auto resumed = make(rule, q);
    resumed->load_state(steps);
    GradScaler other;
    other.load_state(scale);
    for (std::size_t i = 3; i < slopes.size(); ++i) step(other, *resumed, q, slopes[i]);
    EXPECT_EQ(q.to_vector<float>(), p.to_vector<float>());
    EXPECT_EQ(other.get_scale(), scaler.get_scale());
    EXPECT_EQ(other.state().int_at("growth_tracker"), scaler.state().int_at("growth_tracker"));
    EXPECT_EQ(other.state().int_at("growth_interval"), 2);
    EXPECT_EQ(resumed->state().int_at("parameters.0.step"), 4);
  }
}

TEST(GradScaler, DoesNothingWhereItIsDisabled) {
  const Tensor p = leaf({1});
  optim::SGD optimizer({p}, {.lr = 1});
  GradScaler scaler({.enabled = false});
  const Tensor loss = sum(p);
  EXPECT_TRUE(scaler.scale(loss).is(loss));
  loss.backward();
  scaler.unscale_(optimizer);
  scaler.step(optimizer);
  scaler.update();
  EXPECT_EQ(p.item(), 0);
  EXPECT_EQ(scaler.get_scale(), 1);
  EXPECT_TRUE(scaler.state().empty());
}

TEST(GradScaler, LossesOf16BitsAreScaledInF32) {
  GradScaler scaler;
  EXPECT_EQ(scaler.scale(full({}, 2, {.dtype = f16})).item(), 131072);
  EXPECT_EQ(scaler.scale(full({}, 2, {.dtype = f64})).dtype(), f64);
}

TEST(GradScaler, CallsOutOfOrderAreErrorsThatSayWhatIsMissing) {
  const Tensor p = leaf({1});
  optim::SGD optimizer({p}, {.lr = 1});
  GradScaler scaler;
  const auto text = [](auto&& call) { return error_of<ValueError>(call); };
  EXPECT_EQ(text([&] { scaler.update(); }), "[GradScaler] expected a step() before update(), got none");
  EXPECT_EQ(text([&] { scaler.step(optimizer); }),
            "[GradScaler] expected a scaled loss before unscale_() and step(), got none");
  const Tensor loss = scaler.scale(sum(p));
  EXPECT_EQ(text([&] { scaler.step(optimizer); }),
            "[GradScaler] expected gradients, got none: call backward() of the scaled loss first");
  loss.backward();
  scaler.unscale_(optimizer);
  EXPECT_EQ(text([&] { scaler.unscale_(optimizer); }),
            "[GradScaler] expected one unscale_() of an optimizer, before its step(), until update(), got "
            "another");
  scaler.step(optimizer);
  EXPECT_EQ(text([&] { scaler.step(optimizer); }),
            "[GradScaler] expected update() after step(), got another step()");
  EXPECT_EQ(p.item(), 0) << "one step was made";
}

TEST(GradScaler, RefusesLossesOptionsAndStatesThatMakeNoSense) {
  GradScaler scaler;
  EXPECT_EQ(error_of<DTypeError>([&] { scaler.scale({}); }),
            "[GradScaler] expected a floating loss, got an undefined tensor");
  EXPECT_THROW(scaler.scale(ones({}, {.dtype = i64})), DTypeError);
  EXPECT_EQ(error_of<ValueError>([] { GradScaler({.init_scale = 0}); }),
            "[GradScaler] expected a scale above 0 that f32 holds, got 0");
  for (const GradScalerOptions& options :
       {GradScalerOptions{.init_scale = 1e300}, GradScalerOptions{.init_scale = NAN},
        GradScalerOptions{.growth_factor = 0.5}, GradScalerOptions{.backoff_factor = 0},
        GradScalerOptions{.growth_interval = 0}})
    EXPECT_THROW(GradScaler{options}, ValueError);

  EXPECT_THROW(scaler.load_state({}), ValueError);
  const auto changed = [&](const std::string& key, const Tensor& value) {
    State state;
    for (const auto& [name, tensor] : scaler.state()) state.add(name, name == key ? value : tensor);
    return state;
  };
  EXPECT_EQ(error_of<ValueError>(
                [&] { scaler.load_state(changed("growth_tracker", full({}, -1, {.dtype = i64}))); }),
            "[GradScaler] expected a growth_tracker of 0 or more, got -1");
  EXPECT_EQ(error_of<ValueError>([&] { scaler.load_state(changed("scale", ones({2}))); }),
            "[GradScaler] expected 'scale' of one floating number, got f32[2]@cpu");
  EXPECT_THROW(scaler.load_state(changed("scale", full({}, -1))), ValueError);
  EXPECT_THROW(scaler.load_state(changed("growth_interval", zeros({}, {.dtype = i64}))), ValueError);
  EXPECT_EQ(scaler.get_scale(), 65536) << "nothing was changed";
}

}  // namespace
}  // namespace fornax::amp
