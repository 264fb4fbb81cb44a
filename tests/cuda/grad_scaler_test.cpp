// Loss scaling on the device: who decides about a step, in plain steps and in captured ones.
#include "fornax/optim/grad_scaler.h"

#include <limits>
#include <memory>
#include <vector>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/base/error.h"
#include "fornax/cuda/graph.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

class CudaGradScaler : public DeviceTest {
 protected:
  /// Parameters whose gradients are the slope, a number in the device's memory.
  class Training {
   public:
    Training(Device device, Rule rule)
        : p_(full({300}, 1, {.device = device}).set_requires_grad()), slope_(zeros({}, {.device = device})) {
      if (rule == Rule::sgd)
        optimizer_ = std::make_unique<optim::SGD>(std::vector<Tensor>{p_},
                                                  optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
      else
        optimizer_ = std::make_unique<optim::AdamW>(std::vector<Tensor>{p_}, optim::AdamWOptions{.lr = 0.1});
    }
    void set_slope(double slope) { slope_.fill_(slope); }
    void step() {
      optimizer_->zero_grad();
      scaler_.scale(sum(p_ * slope_)).backward();
      scaler_.unscale_(*optimizer_);
      optim::clip_grad_norm_({p_}, 100);
      scaler_.step(*optimizer_);
      scaler_.update();
    }
    void set_lr(double lr) { optimizer_->set_lr(lr); }
    /// The parameters, the scale and the steps that were made.
    std::vector<double> values() const {
      std::vector<double> all = p_.detach().to(f64).to(Device::cpu()).to_vector<double>();
      all.push_back(scaler_.get_scale());
      all.push_back(static_cast<double>(optimizer_->state().int_at("parameters.0.step")));
      return all;
    }

   private:
    Tensor p_, slope_;
    std::unique_ptr<optim::Optimizer> optimizer_;
    amp::GradScaler scaler_{{.init_scale = 16, .growth_interval = 3}};
  };

  std::vector<double> train(Rule rule, bool captured) const {
    Training training(device_, rule);
    cuda::CudaGraph graph(device_, [&] { training.step(); });
    double lr = 0.1;
    for (const double slope : {1., inf, 2., 1., inf, 3., 4., 1., inf}) {
      training.set_slope(slope);
      training.set_lr(lr /= 2);
      if (captured)
        graph.run();
      else
        training.step();
    }
    EXPECT_EQ(graph.is_captured(), captured);
    return training.values();
  }
};

TEST_F(CudaGradScaler, RunsOfAGraphSkipTheStepsThatPlainOnesSkip) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    const std::vector<double> plain = train(rule, false);
    EXPECT_EQ(plain.back(), 6) << "of nine";
    EXPECT_EQ(train(rule, true), plain);
  }
}

TEST_F(CudaGradScaler, GivesTheSameInEveryOrderThatStreamsAllow) {
  const std::vector<double> plain = train(Rule::adamw, false);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    EXPECT_EQ(train(Rule::adamw, false), plain) << "seed " << seed;
  }
}

TEST_F(CudaGradScaler, NeedsAStepBeforeTheOneThatIsCaptured) {
  Training training(device_, Rule::sgd);
  cuda::CudaGraph cold(device_, [&] { training.step(); }, {.warm_up = 0});
  EXPECT_THAT(error_of<ValueError>([&] { cold.run(); }),
              testing::HasSubstr("expected a step before the one that is captured, got none of this scaler"));
}

TEST_F(CudaGradScaler, StaysOnTheDeviceOfItsFirstLossWhereStatesComeToIt) {
  amp::GradScaler scaler({.init_scale = 8});
  const Tensor loss = scaler.scale(ones({}, {.device = device_}));
  EXPECT_EQ(loss.item(), 8);
  EXPECT_THAT(error_of<DeviceError>([&] { scaler.scale(ones({})); }),
              testing::HasSubstr("[GradScaler] expected a loss on cuda:0, as the first, got f32[]@cpu"));
  scaler.load_state(amp::GradScaler({.init_scale = 4}).state());  // which is on the CPU
  EXPECT_EQ(scaler.scale(ones({}, {.device = device_})).item(), 4);
}

TEST_F(CudaGradScaler, TrainsANetInF16) {
  Generator generator(1);
  const GeneratorGuard guard(generator);
  Net net;
  const Tensor x = randn({4, 3, 8, 8}).to(MemoryFormat::channels_last).to(device_),
               label = randint(0, classes, {4}, {.dtype = i64}).to(device_);
  net.to(device_, MemoryFormat::channels_last);
  optim::SGD optimizer(net.named_parameters(), {.lr = 0.05, .momentum = 0.9});
  amp::GradScaler scaler;
  std::vector<double> losses;
  for (int i = 0; i < 12; ++i) {
    Tensor loss;
    {
      const amp::Autocast autocast(DeviceType::cuda, f16);
      loss = cross_entropy(net(x), label);
    }
    optimizer.zero_grad();
    scaler.scale(loss).backward();
    scaler.step(optimizer);
    scaler.update();
    losses.push_back(loss.item());
  }
  EXPECT_LT(losses.back(), losses.front() / 2);
}

#if defined(FORNAX_SIM)

TEST_F(CudaGradScaler, AStepWaitsForNothing) {
  for (const Rule rule : {Rule::sgd, Rule::adamw}) {
    Training training(device_, rule);
    training.step();
    const int waits = sim::host_waits();
    training.step();
    EXPECT_EQ(sim::host_waits(), waits);
  }
}

#endif

}  // namespace
}  // namespace fornax::test
