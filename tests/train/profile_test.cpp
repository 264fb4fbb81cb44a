#include "fornax/train/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "fornax/fornax.h"
#include "support/error_of.h"
#include "support/trace.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;

/// Six steps an epoch.
struct Training {
  explicit Training(TrainerOptions options = {}) : trainer(model, optimizer, std::move(options)) {}

  std::shared_ptr<data::ImageDataset> images = std::make_shared<data::ImageDataset>(
      data::synthetic_images({.count = 48, .height = 4, .width = 4, .channels = 1, .classes = 2}),
      data::ImageOptions{.mean = {0.5f}, .stddev = {0.25f}});
  data::DataLoader loader{images, {.batch_size = 8, .workers = 1}}, validation{images, {.batch_size = 48}};
  nn::Sequential model{nn::make<nn::Flatten>(), nn::make<nn::Linear>({.in_features = 16, .out_features = 2})};
  optim::SGD optimizer{model.named_parameters(), {.lr = 0.1}};
  Trainer trainer;
};

/// What `run` writes to a file that it is given.
template <class Run>
std::string written_by(const TemporaryDirectory& directory, Run run) {
  std::FILE* const out = std::fopen((directory / "out.txt").c_str(), "w");
  run(out);
  std::fclose(out);
  return read_text(directory / "out.txt");
}

TEST(Profile, WritesTheTraceOfSomeStepsAndShowsTheTable) {
  const TemporaryDirectory directory;
  Training run({.epochs = 2});
  const std::string shown = written_by(directory, [&](std::FILE* out) {
    run.trainer.add<Profile>(directory / "trace.json", ProfileOptions{.warm_up = 2, .steps = 3, .out = out});
    run.trainer.fit(run.loader);
  });
  const Trace trace(read_text(directory / "trace.json"));
  EXPECT_TRUE(trace.is_nested());
  for (const char* range : {"data wait", "forward", "backward", "optimizer step"})
    EXPECT_EQ(trace.named(range).size(), 3u) << range;
  const std::vector<Trace::Slice> forward = trace.named("forward"), backward = trace.named("backward"),
                                  products = trace.named("matmul");
  EXPECT_TRUE(forward[0].encloses(products.at(0)));
  EXPECT_TRUE(backward[0].encloses(products.at(1)));
  EXPECT_TRUE(trace.named("optimizer step")[0].encloses(trace.named("sgd_step").at(0)));
  EXPECT_THAT(shown, HasSubstr("\noptimizer step             3 "));
  EXPECT_THAT(shown, HasSubstr("the trace is in " + directory / "trace.json"));
  EXPECT_EQ(dispatch::observer(), nullptr);
}

TEST(Profile, MarksEvaluationCheckpointsAndTheBatchesThatWorkersMake) {
  const TemporaryDirectory directory;
  Training run({.epochs = 1, .checkpoints = {.directory = directory / "checkpoints"}});
  written_by(directory, [&](std::FILE* out) {
    run.trainer.add<Profile>(directory / "trace.json",
                             ProfileOptions{.warm_up = 0, .steps = 100, .out = out});
    run.trainer.fit(run.loader, &run.validation);
  });
  const Trace trace(read_text(directory / "trace.json"));
  const Trace::Slice evaluation = trace.only("evaluation");
  EXPECT_LE(trace.named("forward").back().end, evaluation.start);
  EXPECT_LE(evaluation.end, trace.only("checkpoint").start);
  const std::vector<Trace::Slice> made = trace.named("make batch");
  ASSERT_EQ(made.size(), 7u);  // six by the worker, the last one by the validation loader
  EXPECT_NE(made[0].line, evaluation.line);
  EXPECT_TRUE(evaluation.encloses(made[6]));
}

TEST(Profile, BeginsAnewInEachFitEvenAfterOneThatThrew) {
  struct Failing final : Callback {
    void on_step_end(Trainer&, const StepInfo& info) override {
      if (info.step == 2) throw std::runtime_error("told to fail");
    }
  };
  const TemporaryDirectory directory;
  written_by(directory, [&](std::FILE* out) {
    const auto profile = std::make_shared<Profile>(directory / "trace.json",
                                                   ProfileOptions{.warm_up = 1, .steps = 2, .out = out});
    Training first, second;
    first.trainer.add(profile);
    first.trainer.add<Failing>();
    EXPECT_THROW(first.trainer.fit(first.loader), std::runtime_error);
    EXPECT_FALSE(std::filesystem::exists(directory / "trace.json"));
    second.trainer.add(profile);
    second.trainer.fit(second.loader);
  });
  EXPECT_EQ(Trace(read_text(directory / "trace.json")).named("forward").size(), 2u);
}

TEST(Profile, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { Profile("trace.json", {.warm_up = -1}); }),
            "[profile] expected a warm_up of 0 or more and 1 or more steps, got -1 and 5");
  EXPECT_EQ(error_of<ValueError>([] { Profile("trace.json", {.steps = 0}); }),
            "[profile] expected a warm_up of 0 or more and 1 or more steps, got 3 and 0");
}

}  // namespace
}  // namespace fornax::train
