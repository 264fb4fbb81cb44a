#include "fornax/train/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "support/error_of.h"
#include "support/files.h"
#include "train/small_training.h"

namespace fornax::train {
namespace {

using namespace test;
using data::Batch;

using testing::ElementsAre;
using testing::HasSubstr;

/// Writes down what is called.
struct Recorder final : Callback {
  void on_fit_begin(Trainer&) override { events.emplace_back("fit"); }
  void on_epoch_begin(Trainer&, std::int64_t epoch) override {
    events.push_back("epoch " + std::to_string(epoch));
  }
  void on_step_end(Trainer&, const StepInfo& info) override {
    events.push_back("step " + std::to_string(info.step) + (info.numbers.empty() ? "" : " logged"));
    samples.push_back(info.samples);
    last = info;
  }
  void on_evaluation_begin(Trainer&) override { events.emplace_back("evaluation"); }
  void on_evaluation_batch(Trainer& trainer, const Batch& batch, const Tensor& output) override {
    EXPECT_FALSE(trainer.model().is_training() || output.requires_grad());
    EXPECT_EQ(output.to_vector<float>(), trainer.model()(batch.x).to_vector<float>());
    evaluated.push_back(batch.label.size(0));
  }
  void on_epoch_end(Trainer& trainer, const Numbers& evaluation) override {
    events.push_back("end " + std::to_string(trainer.epochs_ended()));
    evaluations.push_back(evaluation);
  }
  void on_checkpoint(Trainer&, const std::string& path) override {
    events.push_back("saved " + std::string(std::filesystem::path(path).filename()));
  }
  void on_fit_end(Trainer&) override { events.emplace_back("done"); }

  std::vector<std::string> events;
  std::vector<std::int64_t> samples, evaluated;
  std::vector<Numbers> evaluations;
  StepInfo last;
};

TEST(Trainer, LearnsAndCallsBackInOrder) {
  const TemporaryDirectory directory;
  Training run({.epochs = 2,
                .accumulate = 2,
                .log_every = 2,
                .checkpoints = {.directory = directory.path(), .every = 2, .keep_last = 9}});
  const auto& seen = run.trainer.add<Recorder>();
  EXPECT_TRUE(run.fit());
  EXPECT_THAT(seen.events,
              ElementsAre("fit", "epoch 1", "step 1", "step 2 logged", "saved step-000000002.safetensors",
                          "step 3", "evaluation", "end 1", "saved step-000000003.safetensors", "epoch 2",
                          "step 4 logged", "saved step-000000004.safetensors", "step 5", "step 6 logged",
                          "saved step-000000006.safetensors", "evaluation", "end 2",
                          "saved step-000000006.safetensors", "done"));
  EXPECT_THAT(seen.samples, testing::Each(2 * batch_size));
  EXPECT_THAT(seen.evaluated, ElementsAre(40, 40, 16, 40, 40, 16));
  EXPECT_EQ(run.trainer.step(), 6);
  EXPECT_EQ(run.trainer.epochs_ended(), 2);
  EXPECT_EQ(run.trainer.last_evaluation(), seen.evaluations.back());
  EXPECT_TRUE(run.model.is_training());
}

TEST(Trainer, ReportsTheNumbersOfAStepAndOfAnEvaluation) {
  Training run({.epochs = 8, .schedule = optim::CosineAnnealingLR{.T_max = 8 * batches}, .log_every = 1});
  const auto& seen = run.trainer.add<Recorder>();
  run.fit();
  const Numbers& step = seen.last.numbers;
  ASSERT_EQ(step.size(), 4u);
  EXPECT_GT(number(step, "loss"), 0);
  EXPECT_GT(number(step, "grad_norm"), 0);
  const double phase = std::acos(-1.0) * (8 * batches - 1) / (8 * batches);
  EXPECT_NEAR(number(step, "lr"), 0.05 / 2 * (1 + std::cos(phase)), 1e-12);  // the rate that it was made with
  // The evaluation is a mean over all images, of which the last batch has fewer.
  run.model.eval();
  const NoGrad no_grad;
  const Batch all = *data::DataLoader(make_images(false), {.batch_size = images}).begin();
  const Tensor output = run.model(all.x);
  const Numbers& evaluation = run.trainer.last_evaluation();
  EXPECT_THAT(evaluation, testing::SizeIs(2));
  EXPECT_NEAR(number(evaluation, "loss"), cross_entropy(output, all.label).item(), 1e-5);
  EXPECT_NEAR(number(evaluation, "accuracy"), top_k_correct(output, all.label).item() / images, 1e-12);
  EXPECT_GT(number(evaluation, "accuracy"), 0.8);
  EXPECT_EQ(run.trainer.evaluate(run.validation), evaluation);
  const auto names = [](const Numbers& numbers) {
    std::vector<std::string> found;
    for (const auto& [name, value] : numbers) found.push_back(name);
    return found;
  };
  EXPECT_EQ(run.trainer.step_names(), names(step));
  EXPECT_EQ(run.trainer.evaluation_names(), names(evaluation));
}

TEST(Trainer, AccumulatedBatchesMakeTheStepOfOneLargeBatch) {
  struct WithoutDropout final : Callback {
    void on_epoch_begin(Trainer& trainer, std::int64_t) override { trainer.model().eval(); }
  };
  Training small({.accumulate = 3}), large({}, 3 * batch_size);
  for (Training* run : {&small, &large}) {
    run->trainer.add<WithoutDropout>();
    run->fit();
    EXPECT_EQ(run->trainer.step(), 2);
  }
  const std::vector<float> a = small.weights(), b = large.weights();
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-6f);
}

TEST(Trainer, EvaluatesAndSavesTheAverageOfItsWeights) {
  const TemporaryDirectory directory;
  Training run({.epochs = 1, .ema = EmaOptions{.decay = 1}});  // which stays as it was
  const std::vector<float> first = run.weights();
  const Numbers untrained = run.trainer.evaluate(run.validation);
  run.fit();
  EXPECT_NE(run.weights(), first);
  EXPECT_EQ(run.trainer.last_evaluation(), untrained);
  run.trainer.save_model(directory / "model");
  load_model(directory / "model", run.model);
  EXPECT_EQ(run.weights(), first);
}

TEST(Trainer, TrainsWithMixedSamplesOnTheLossOfBothLabels) {
  std::vector<double> weights, losses;
  Training run({.loss =
                    [&](const Tensor& output, const Tensor& target) {
                      Tensor loss = cross_entropy(output, target);
                      losses.push_back(loss.item());
                      return loss;
                    },
                .mix =
                    [&](const Batch& batch, data::SampleRandom& random) {
                      data::MixedBatch mixed = data::mixup(batch, 1, random);
                      weights.push_back(mixed.weight);
                      return mixed;
                    },
                .log_every = 1});
  const auto& seen = run.trainer.add<Recorder>();
  run.trainer.fit(run.loader);
  ASSERT_EQ(weights.size(), 6u);
  ASSERT_EQ(losses.size(), 12u);
  EXPECT_NEAR(number(seen.last.numbers, "loss"), weights[5] * losses[10] + (1 - weights[5]) * losses[11],
              1e-5);
  std::ranges::sort(weights);
  EXPECT_EQ(std::ranges::adjacent_find(weights), weights.end());  // each batch has numbers of its own
}

TrainerOptions with_everything(const std::string& directory, std::function<bool()> stop = {}) {
  return {
      .epochs = 3,
      .accumulate = 2,
      .amp = bf16,
      .schedule = optim::OneCycleLR{.total_steps = 9, .cycle_momentum = false},
      .max_grad_norm = 0.5,
      .ema = EmaOptions{.decay = 0.9, .warmup = true},
      .mix = [](const Batch& batch, data::SampleRandom& random) { return data::mixup(batch, 0.4, random); },
      .log_every = 1,
      .checkpoints = {.directory = directory, .every = 1, .metadata = {{"note", "mine"}}},
      .stop = std::move(stop)};
}

/// The bytes of all files of a run: its last checkpoint, logs, curves and report.
std::vector<std::string> files_of(const TemporaryDirectory& directory) {
  std::vector<std::string> files;
  for (const char* name : {"latest.safetensors", "log.jsonl", "log.csv", "curves.svg", "report.html"})
    files.push_back(read_text(directory / name));
  return files;
}

void add_files(Training& run, const TemporaryDirectory& directory) {
  run.trainer.add<JsonLogger>(directory / "log.jsonl");
  run.trainer.add<CsvLogger>(directory / "log.csv");
  run.trainer.add<CurvesPlot>(directory / "curves.svg");
  run.trainer.add<Report>(directory / "report.html",
                          ReportOptions{.timed_calls = 0, .seconds = [] { return 0.; }});
}

TEST(Trainer, ARunThatIsStoppedAfterAnyStepGoesOnToTheSameBits) {
  const TemporaryDirectory whole_directory;
  Training whole(with_everything(whole_directory.path()));
  add_files(whole, whole_directory);
  EXPECT_TRUE(whole.fit());
  const std::vector<std::string> expected = files_of(whole_directory);
  for (std::int64_t stop_after = 1; stop_after <= 9; ++stop_after) {
    SCOPED_TRACE("stopped after step " + std::to_string(stop_after));
    const TemporaryDirectory directory;
    {
      std::int64_t steps = 0;
      Training run(with_everything(directory.path(), [&] { return ++steps == stop_after; }));
      add_files(run, directory);
      EXPECT_FALSE(run.fit());
      EXPECT_EQ(run.trainer.step(), stop_after);
    }
    Training again(with_everything(directory.path()));
    add_files(again, directory);
    default_generator().manual_seed(99);  // which the checkpoint overrides
    const auto found = again.trainer.resume();
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->step, stop_after);
    EXPECT_EQ(found->checkpoint.metadata.at("note"), "mine");
    EXPECT_TRUE(again.fit());
    EXPECT_EQ(files_of(directory), expected);
  }
}

TEST(Trainer, ACorruptCheckpointIsPassedOver) {
  const TemporaryDirectory whole_directory, directory;
  Training whole(with_everything(whole_directory.path()));
  whole.fit();
  {
    std::int64_t steps = 0;
    Training run(with_everything(directory.path(), [&] { return ++steps == 5; }));
    run.fit();
  }
  const std::string path = directory / "step-000000005.safetensors";
  write_text(path, read_text(path).substr(0, 1000));
  Training again(with_everything(directory.path()));
  const auto found = again.trainer.resume();
  EXPECT_EQ(found->step, 4);
  EXPECT_THAT(found->corrupt, ElementsAre(HasSubstr("step-000000005.safetensors]")));
  again.fit();
  EXPECT_EQ(read_text(directory / "latest.safetensors"), read_text(whole_directory / "latest.safetensors"));
}

TEST(Trainer, AnEpochThatWasNotEvaluatedIsWhenTheRunGoesOn) {
  const TemporaryDirectory directory;
  struct Fails final : Callback {
    void on_epoch_end(Trainer&, const Numbers&) override { throw std::runtime_error("disk full"); }
  };
  const TrainerOptions options{
      .epochs = 2, .log_every = 1, .checkpoints = {.directory = directory.path(), .every = batches}};
  {
    Training run(options);
    run.trainer.add<Fails>();
    EXPECT_THROW(run.fit(), std::runtime_error);
  }
  Training again(options);
  const auto& seen = again.trainer.add<Recorder>();
  EXPECT_EQ(again.trainer.resume()->step, batches);
  EXPECT_TRUE(again.fit());
  EXPECT_THAT(seen.events, testing::Contains("end 1"));
  EXPECT_EQ(seen.evaluations.size(), 2u);
  EXPECT_EQ(again.trainer.step(), 2 * batches);
}

TEST(Trainer, TheBestCheckpointIsThatOfTheBestEvaluation) {
  const TemporaryDirectory directory;
  // Counts down with each evaluation: the first is the best.
  double value = 10;
  Training run({.epochs = 3,
                .metrics = {{"falling",
                             [&](const Tensor&, const Tensor& target) {
                               return full({}, static_cast<double>(target.size(0)) * --value);
                             }}},
                .log_every = 1000,
                .checkpoints = {.directory = directory.path(), .keep_last = 1, .monitor = "falling"}});
  run.fit();
  EXPECT_EQ(std::filesystem::read_symlink(directory / "best.safetensors"), "step-000000006.safetensors");
  EXPECT_EQ(std::filesystem::read_symlink(directory / "latest.safetensors"), "step-000000018.safetensors");
}

TEST(Trainer, StopsEarlyWhereNothingGetsBetter) {
  const TemporaryDirectory directory;
  const auto options = [&] {
    return TrainerOptions{.epochs = 50,
                          .metrics = {{"flat",
                                       [](const Tensor&, const Tensor& target) {
                                         return full({}, static_cast<double>(target.size(0)));
                                       }}},
                          .checkpoints = {.directory = directory.path(), .monitor = "loss"}};
  };
  const EarlyStoppingOptions rule{.monitor = "flat", .lower_is_better = false, .patience = 3};
  Training run(options());
  const auto& stopping = run.trainer.add<EarlyStopping>(rule);
  EXPECT_TRUE(run.fit());
  EXPECT_EQ(run.trainer.epochs_ended(), 4);
  EXPECT_TRUE(stopping.has_stopped());
  Training again(options());
  again.trainer.add<EarlyStopping>(rule);
  again.trainer.resume();
  EXPECT_TRUE(again.fit());  // it has no epoch left
  EXPECT_EQ(again.trainer.epochs_ended(), 4);
}

TEST(Trainer, SaysWhatIsWrong) {
  const auto refusal = [](TrainerOptions options) -> std::string {
    return error_of<ValueError>([&] { Training run(std::move(options)); });
  };
  EXPECT_EQ(refusal({.epochs = 0}), "[trainer] expected epochs of 1 or more, got 0");
  EXPECT_EQ(refusal({.accumulate = 0}), "[trainer] expected accumulate of 1 or more, got 0");
  EXPECT_EQ(refusal({.max_grad_norm = -1}), "[trainer] expected a max_grad_norm of 0 or more, got -1");
  EXPECT_EQ(refusal({.max_rollbacks = -1}), "[trainer] expected max_rollbacks of 0 or more, got -1");
  EXPECT_EQ(refusal({.max_rollbacks = 1}),
            "[trainer] expected a directory of checkpoints to roll back to, got none");
  EXPECT_EQ(refusal({.loss = {}}), "[trainer] expected a loss, got none");
  EXPECT_EQ(refusal({.log_every = 0}), "[trainer] expected log_every of 1 or more, got 0");
  EXPECT_EQ(refusal({.checkpoints = {.directory = "x", .every = -1}}),
            "[trainer] expected checkpoints every 0 or more steps, got -1");
  EXPECT_EQ(refusal({.checkpoints = {.directory = "x", .monitor = "f1"}}),
            "[trainer] expected to monitor the loss or a metric, got 'f1'");
  Training run;
  EXPECT_EQ(error_of<ValueError>([&] { run.trainer.resume(); }),
            "[trainer] expected a directory of checkpoints to resume from, got none");
  run.trainer.add<CurvesPlot>("a.svg");
  EXPECT_EQ(
      error_of<ValueError>([&] { run.trainer.add<CurvesPlot>("b.svg"); }),
      "[trainer] expected a callback of another name than 'curves', which a part of the checkpoints has");
  Training empty({}, images + 1);
  EXPECT_EQ(error_of<ValueError>([&] { empty.fit(); }),
            "[trainer] expected a loader that gives a batch, got none");
}

TEST(Trainer, DoesNotGoOnWithOtherCallbacks) {
  const TemporaryDirectory directory;
  const TrainerOptions options{.epochs = 1, .checkpoints = {.directory = directory.path()}};
  Training run(options), without(options), with_another(options);
  add_files(run, directory);
  run.fit();
  const std::vector<float> fresh = without.weights();
  EXPECT_EQ(error_of<ValueError>([&] { without.trainer.resume(); }),
            "[trainer] expected a checkpoint without 'csv', got one with it: callbacks are added before the "
            "run goes on");
  EXPECT_EQ(without.weights(), fresh);
  add_files(with_another, directory);
  with_another.trainer.add<EarlyStopping>();
  EXPECT_THAT(error_of<ValueError>([&] { with_another.trainer.resume(); }),
              HasSubstr("expected a part 'early_stopping'"));
}

TEST(Trainer, DoesNotGoOnWithAnotherLoaderInTheMiddleOfAnEpoch) {
  const TemporaryDirectory directory;
  {
    std::int64_t steps = 0;
    Training run({.checkpoints = {.directory = directory.path()}, .stop = [&] { return ++steps == 2; }});
    run.fit();
  }
  Training again({.checkpoints = {.directory = directory.path()}}, batch_size / 2);
  again.trainer.resume();
  EXPECT_EQ(error_of<ValueError>([&] { again.fit(); }),
            "[trainer] expected to go on in an epoch of 6 steps, got a loader for 12");
}

}  // namespace
}  // namespace fornax::train
