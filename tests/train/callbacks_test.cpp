#include "fornax/train/callbacks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/fornax.h"
#include "support/error_of.h"
#include "support/files.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;
using testing::Not;

/// A trainer that is not run: callbacks are called by hand.
struct Idle {
  nn::Linear model{{.in_features = 2, .out_features = 2}};
  optim::SGD optimizer{model.named_parameters(), {.lr = 0.1}};
  Trainer trainer{model, optimizer, {.epochs = 3}};
};

StepInfo logged(std::int64_t step) {
  return {.step = step, .epoch = 1, .samples = 8, .numbers = {{"loss", 1.0 / static_cast<double>(step)}}};
}

TEST(JsonLogger, WritesStepsThatAreLoggedAndEvaluations) {
  const TemporaryDirectory directory;
  Idle idle;
  JsonLogger logger(directory / "log.jsonl");
  logger.on_fit_begin(idle.trainer);
  logger.on_step_end(idle.trainer, {.step = 1, .epoch = 1, .samples = 8});
  logger.on_step_end(idle.trainer, logged(2));
  logger.on_epoch_end(idle.trainer, {{"accuracy", 0.75}});
  logger.on_epoch_end(idle.trainer, {});
  EXPECT_EQ(read_text(directory / "log.jsonl"),
            "{\"phase\":\"train\",\"epoch\":1,\"step\":2,\"loss\":0.5}\n"
            "{\"phase\":\"test\",\"epoch\":0,\"step\":0,\"accuracy\":0.75}\n");
}

TEST(JsonLogger, ForgetsWhatWasWrittenAfterItsState) {
  const TemporaryDirectory directory;
  Idle idle;
  State state;
  {
    JsonLogger logger(directory / "log.jsonl");
    logger.on_fit_begin(idle.trainer);
    logger.on_step_end(idle.trainer, logged(1));
    state = logger.state();
    logger.on_step_end(idle.trainer, logged(2));
  }
  JsonLogger again(directory / "log.jsonl");
  again.load_state(state);
  EXPECT_EQ(again.state().int_at("bytes"), state.int_at("bytes"));
  again.on_fit_begin(idle.trainer);
  EXPECT_THAT(read_text(directory / "log.jsonl"), Not(HasSubstr("\"step\":2")));
  EXPECT_THAT(read_text(directory / "log.jsonl"), HasSubstr("\"step\":1"));
}

TEST(CsvLogger, WritesARowForEachLoggedStepAndEvaluation) {
  const TemporaryDirectory directory;
  Idle idle;
  CsvLogger logger(directory / "log.csv");
  logger.on_fit_begin(idle.trainer);
  logger.on_step_end(idle.trainer, {.step = 1, .epoch = 1, .samples = 8});
  logger.on_step_end(idle.trainer,
                     {.step = 2,
                      .epoch = 1,
                      .samples = 8,
                      .numbers = {{"loss", 0.5}, {"accuracy", 0.25}, {"grad_norm", 3}, {"lr", 0.1}}});
  logger.on_epoch_end(idle.trainer, {{"loss", 0.375}, {"accuracy", 0.75}});
  logger.on_epoch_end(idle.trainer, {});
  EXPECT_EQ(read_text(directory / "log.csv"),
            "phase,epoch,step,loss,accuracy,grad_norm,lr\n"
            "train,1,2,0.5,0.25,3,0.1\n"
            "test,0,0,0.375,0.75,,\n");
}

TEST(CsvLogger, NumbersReadBackAsTheyWere) {
  const TemporaryDirectory directory;
  Idle idle;
  CsvLogger logger(directory / "log.csv");
  logger.on_fit_begin(idle.trainer);
  const std::vector<double> values = {0.1 + 0.2, 1.0 / 3, 5e-324,   1.7976931348623157e308,
                                      -0.0,      1e22,    -INFINITY};
  for (const double value : values)
    logger.on_step_end(idle.trainer, {.step = 1, .epoch = 1, .numbers = {{"loss", value}, {"lr", -NAN}}});
  std::istringstream lines(read_text(directory / "log.csv"));
  std::string line;
  std::getline(lines, line);
  for (const double value : values) {
    std::getline(lines, line);
    const std::string prefix = "train,1,1,";
    ASSERT_TRUE(line.starts_with(prefix));
    const double read = std::strtod(line.c_str() + prefix.size(), nullptr);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(read), std::bit_cast<std::uint64_t>(value)) << line;
    EXPECT_THAT(line, testing::EndsWith(",nan"));
  }
}

/// A trainer whose metric has this name.
struct Named : Idle {
  explicit Named(const std::string& name)
      : named(model, optimizer, {.metrics = {{.name = name, .total = top_k_accuracy().total}}}) {}
  Trainer named;
};

TEST(CsvLogger, QuotesNamesWhereTheyNeedIt) {
  const TemporaryDirectory directory;
  Named idle("top \"5\", in %");
  CsvLogger(directory / "log.csv").on_fit_begin(idle.named);
  EXPECT_EQ(read_text(directory / "log.csv"), "phase,epoch,step,loss,\"top \"\"5\"\", in %\",grad_norm,lr\n");
}

TEST(CsvLogger, ForgetsWhatWasWrittenAfterItsStateAndKeepsOneHead) {
  const TemporaryDirectory directory;
  Idle idle;
  State state;
  {
    CsvLogger logger(directory / "log.csv");
    logger.on_fit_begin(idle.trainer);
    logger.on_step_end(idle.trainer, logged(1));
    state = logger.state();
    logger.on_step_end(idle.trainer, logged(2));
  }
  CsvLogger again(directory / "log.csv");
  again.load_state(state);
  for (const std::int64_t step : {4, 8}) {  // the second fit() cuts nothing
    again.on_fit_begin(idle.trainer);
    again.on_step_end(idle.trainer, logged(step));
  }
  EXPECT_EQ(read_text(directory / "log.csv"),
            "phase,epoch,step,loss,accuracy,grad_norm,lr\n"
            "train,1,1,1,,,\n"
            "train,1,4,0.25,,,\n"
            "train,1,8,0.125,,,\n");
}

TEST(CsvLogger, DoesNotGoOnWithOtherColumns) {
  const TemporaryDirectory directory;
  Idle idle;
  CsvLogger(directory / "log.csv").on_fit_begin(idle.trainer);
  const std::string before = read_text(directory / "log.csv");
  Named other("f1");
  EXPECT_EQ(error_of<IoError>([&] { CsvLogger(directory / "log.csv").on_fit_begin(other.named); }),
            "[" + (directory / "log.csv") +
                "] expected a file that begins with 'phase,epoch,step,loss,f1,grad_norm,lr', got "
                "'phase,epoch,step,loss,accuracy,grad_norm,lr'");
  EXPECT_EQ(read_text(directory / "log.csv"), before);
}

TEST(CurvesPlot, DrawsTheNumbersOfItsPanelsAndRemembersThem) {
  const TemporaryDirectory directory;
  Idle idle;
  CurvesPlot plot(directory / "a.svg");
  for (std::int64_t step = 1; step <= 4; ++step) plot.on_step_end(idle.trainer, logged(step));
  plot.on_epoch_end(idle.trainer, {{"loss", 0.3}, {"accuracy", 0.75}});
  const std::string drawn = read_text(directory / "a.svg");
  EXPECT_THAT(drawn, HasSubstr("<svg"));
  CurvesPlot again(directory / "b.svg");
  again.load_state(plot.state());
  again.on_epoch_end(idle.trainer, {});
  EXPECT_EQ(read_text(directory / "b.svg"), drawn);
}

TEST(CurvesPlot, RefusesAStateOfAnotherForm) {
  CurvesPlot plot("never-written.svg", {"loss"});
  EXPECT_THROW(plot.load_state({}), ValueError);
  EXPECT_EQ(error_of<ShapeError>([&] {
              plot.load_state(
                  {{"loss.train", zeros({4}, {.dtype = f64})}, {"loss.test", zeros({0, 2}, {.dtype = f64})}});
            }),
            "[history] expected points [n,2], got [4]");
}

TEST(EarlyStopping, CountsEpochsWithoutImprovement) {
  Idle idle;
  EarlyStopping stopping({.patience = 2, .min_delta = 0.1});
  const auto after = [&](double loss) {
    stopping.on_epoch_end(idle.trainer, {{"loss", loss}});
    return stopping.has_stopped();
  };
  EXPECT_FALSE(after(1.0));
  EXPECT_FALSE(after(0.95));  // too little
  EXPECT_FALSE(after(0.85));
  EXPECT_FALSE(after(0.80));
  EXPECT_TRUE(after(NAN));
  EarlyStopping again({.patience = 2, .min_delta = 0.1});
  again.load_state(stopping.state());
  EXPECT_TRUE(again.has_stopped());
}

TEST(EarlyStopping, SaysWhatIsWrong) {
  Idle idle;
  EXPECT_EQ(error_of<ValueError>([&] { EarlyStopping({.monitor = "f1"}).on_epoch_end(idle.trainer, {}); }),
            "[early_stopping] expected an evaluation with 'f1', got none");
  EXPECT_EQ(error_of<ValueError>([] { EarlyStopping({.patience = 0}); }),
            "[early_stopping] expected a patience of 1 or more and a min_delta of 0 or more, got 0 and 0");
}

TEST(ProgressBar, ShowsStepsCheckpointsAndEvaluations) {
  Idle idle;
  std::FILE* out = std::tmpfile();
  double now = 0;
  ProgressBar bar({.out = out, .terminal = false, .line_every_seconds = 1, .seconds = [&] { return now; }});
  bar.on_epoch_begin(idle.trainer, 1);
  now += 2;
  bar.on_step_end(idle.trainer, logged(2));
  bar.on_checkpoint(idle.trainer, "x");
  bar.on_epoch_end(idle.trainer, {{"accuracy", 0.75}});
  bar.on_checkpoint(idle.trainer, "x");  // that of the evaluation goes without saying
  bar.on_fit_end(idle.trainer);
  std::string text(static_cast<std::size_t>(std::ftell(out)), '\0');
  std::rewind(out);
  ASSERT_EQ(std::fread(text.data(), 1, text.size(), out), text.size());
  std::fclose(out);
  EXPECT_THAT(text, testing::MatchesRegex("epoch 1/3 .* loss 0.5000 .*\n"
                                          "checkpoint at step 0\n"
                                          "epoch 1/3 .*\n"
                                          "epoch 0/3: test accuracy 0.7500\n"));
}

}  // namespace
}  // namespace fornax::train
