// What a trainer does when a loss or weights are not finite.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "support/error_of.h"
#include "support/files.h"
#include "train/small_training.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::ElementsAre;
using testing::HasSubstr;

TEST(TrainerRollback, ALossThatIsNotFiniteEndsTheTraining) {
  Training run(
      {.loss = [](const Tensor& output, const Tensor& target) { return cross_entropy(output, target) / 0.0; },
       .log_every = 1});
  EXPECT_EQ(
      error_of<NonFiniteLoss>([&] { run.fit(); }),
      "[trainer] expected a finite loss, got inf in step 1 of epoch 1: with AnomalyGuard the op that first "
      "makes it is named");
}

/// A loss that is NaN, and makes the weights so, in one batch of the training.
auto nan_in_batch(int number) {
  return [number, count = std::make_shared<int>(0)](const Tensor& output, const Tensor& target) {
    const Tensor loss = cross_entropy(output, target);
    return grad_enabled() && ++*count == number ? loss * NAN : loss;
  };
}

/// Notes why the weights went back.
struct Rollbacks final : Callback {
  void on_rollback(Trainer&, const std::string& why) override { reasons.push_back(why); }
  std::vector<std::string> reasons;
};

/// Sets what is learned back to step 4 after step 5, by hand.
struct GoesBack final : Callback {
  explicit GoesBack(Training& its_run) : run(its_run) {}
  void on_step_end(Trainer&, const StepInfo& info) override {
    if (info.step == 4) {
      model = nn::clone(run.model);
      optimizer = State();
      for (const auto& [name, tensor] : run.optimizer.state()) optimizer.add(name, tensor.clone());
    } else if (info.step == 5) {
      const double lr = run.optimizer.lr();
      run.model.load_state(model->state());
      run.optimizer.load_state(optimizer);
      run.optimizer.set_lr(lr);
    }
  }
  Training& run;
  std::unique_ptr<nn::Sequential> model;
  State optimizer;
};

TEST(TrainerRollback, SendsTheWeightsBackAndGoesOnWithTheNextData) {
  const TemporaryDirectory directory;
  const auto options = [&](auto loss) {
    return TrainerOptions{.epochs = 2,
                          .schedule = optim::CosineAnnealingLR{.T_max = 2 * batches},
                          .loss = loss,
                          .log_every = 1,
                          .checkpoints = {.directory = directory.path(), .every = 4},
                          .max_rollbacks = 1};
  };
  Training run(options(nan_in_batch(5)));
  const auto& seen = run.trainer.add<Rollbacks>();
  EXPECT_TRUE(run.fit());
  EXPECT_THAT(seen.reasons,
              ElementsAre("expected a finite loss, got nan in step 5 of epoch 1: the weights went back to "
                          "those of step 4, rollback 1 of 1"));
  EXPECT_EQ(run.trainer.step(), 2 * batches);
  Training expected(options(nan_in_batch(0)));
  expected.trainer.add<GoesBack>(expected);
  expected.fit();
  EXPECT_EQ(run.weights(), expected.weights());
}

TEST(TrainerRollback, FindsBeforeACheckpointThatItsWeightsAreNotFinite) {
  const TemporaryDirectory directory;
  const auto options = [&](std::int64_t max_rollbacks) {
    return TrainerOptions{.epochs = 2,
                          .loss = nan_in_batch(7),
                          .log_every = 1000,
                          .checkpoints = {.directory = directory.path(), .every = 4},
                          .max_rollbacks = max_rollbacks};
  };
  const char* const what = "expected finite weights to save, got some that are not after step 8";
  {
    Training run(options(0));
    EXPECT_EQ(error_of<NonFiniteLoss>([&] { run.fit(); }),
              std::string("[trainer] ") + what + ": with AnomalyGuard the op that first makes it is named");
    EXPECT_EQ(std::filesystem::read_symlink(directory / "latest.safetensors"), "step-000000006.safetensors");
  }
  Training run(options(1));
  const auto& seen = run.trainer.add<Rollbacks>();
  EXPECT_TRUE(run.fit());
  EXPECT_THAT(seen.reasons,
              ElementsAre(std::string(what) + ": the weights went back to those of step 6, rollback 1 of 1"));
  EXPECT_TRUE(std::isfinite(number(run.trainer.last_evaluation(), "loss")));
}

TEST(TrainerRollback, RollsBackNoMoreOftenThanItMayAlsoInAResumedRun) {
  const TemporaryDirectory directory;
  const auto options = [&](auto loss, std::int64_t stop_after) {
    return TrainerOptions{.epochs = 2,
                          .loss = loss,
                          .log_every = 1,
                          .checkpoints = {.directory = directory.path(), .every = 2},
                          .max_rollbacks = 1,
                          .stop = [=, steps = std::int64_t{0}]() mutable { return ++steps == stop_after; }};
  };
  {
    Training run(options(nan_in_batch(1), 0));
    EXPECT_THAT(error_of<NonFiniteLoss>([&] { run.fit(); }), HasSubstr("and no checkpoint to roll back to"));
  }
  {
    Training run(options(nan_in_batch(3), 4));
    EXPECT_FALSE(run.fit());
  }
  Training again(options(nan_in_batch(1), 0));
  again.trainer.resume();
  EXPECT_THAT(error_of<NonFiniteLoss>([&] { again.fit(); }),
              HasSubstr("in step 5 of epoch 1, after rollback 1 of 1"));
}

}  // namespace
}  // namespace fornax::train
