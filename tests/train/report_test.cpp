#include "fornax/train/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fornax/fornax.h"
#include "support/error_of.h"
#include "support/files.h"
#include "support/markup.h"
#include "train/markup.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;
using testing::Not;

/// Pictures of three pixels, with which the model answers: the brightest is the class.
struct Answers {
  explicit Answers(const std::vector<std::int64_t>& predictions, const std::vector<std::int64_t>& labels,
                   TrainerOptions options = {}, std::int64_t batch_size = 2)
      : loader(dataset(predictions, labels), {.batch_size = batch_size}),
        model(nn::make<nn::Flatten>(), nn::make<nn::Linear>({.in_features = 3, .out_features = 3})),
        optimizer(model.named_parameters(), {.lr = 0}),
        trainer(model, optimizer, std::move(options)) {
    model.load_state({{"1.weight", eye(3)}, {"1.bias", zeros({3})}});
  }
  static std::shared_ptr<data::TensorDataset> dataset(std::vector<std::int64_t> predictions,
                                                      const std::vector<std::int64_t>& labels) {
    const auto count = std::ssize(predictions);
    const Tensor x = zeros({count, 1, 1, 3});
    for (std::int64_t i = 0; i < count; ++i)
      x[i][0][0].narrow(0, predictions[static_cast<std::size_t>(i)], 1).fill_(1);
    return std::make_shared<data::TensorDataset>(x, from_span<std::int64_t>(labels, {count}));
  }

  data::DataLoader loader;
  nn::Sequential model;
  optim::SGD optimizer;
  Trainer trainer;
};

ReportOptions without_times() {
  return {.classes = {"cat", "dog", "bird"}, .timed_calls = 0, .seconds = [] { return 0.; }};
}

TEST(Report, CountsHowTheSamplesOfTheEvaluationWereTaken) {
  const TemporaryDirectory directory;
  Answers run({0, 1, 1, 2, 0}, {0, 0, 1, 2, 2});
  run.trainer.add<Report>(directory / "report.html", without_times());
  run.trainer.evaluate(run.loader);  // of which fit() leaves nothing
  run.trainer.fit(run.loader, &run.loader);
  const std::string html = read_text(directory / "report.html");
  EXPECT_EQ(markup_error(html), "");
  for (const char* cell : {R"(title="cat as cat: 50.0 %">1<)", R"(title="cat as dog: 50.0 %">1<)",
                           R"(title="cat as bird: 0.0 %">0<)", R"(title="dog as dog: 100.0 %">1<)",
                           R"(title="bird as cat: 50.0 %">1<)", R"(title="bird as bird: 50.0 %">1<)"})
    EXPECT_THAT(html, HasSubstr(cell));
  // Precision, recall, F1 and samples of the dogs.
  EXPECT_THAT(html, HasSubstr(R"(>dog</th><td class="bar" style="--part: 50.0%">0.5000</td>)"
                              R"(<td class="bar" style="--part: 100.0%">1.0000</td>)"
                              R"(<td class="bar" style="--part: 66.7%">0.6667</td><td>1</td>)"));
  EXPECT_THAT(html, HasSubstr("<dt>test accuracy</dt><dd>0.6000</dd>"));
  EXPECT_THAT(html, HasSubstr("<dt>epochs</dt><dd>1 of 1</dd>"));
}

TEST(Report, ShowsTheFirstSamplesWithTheirPictures) {
  const TemporaryDirectory directory;
  Answers run({0, 1, 1, 2, 0}, {0, 0, 1, 2, 2});
  ReportOptions options = without_times();
  options.samples = 3;  // one batch and a half
  run.trainer.add<Report>(directory / "report.html", options);
  run.trainer.fit(run.loader, &run.loader);
  const std::string html = read_text(directory / "report.html");
  EXPECT_THAT(html, HasSubstr("The first 3 samples of the evaluation, 2 of them right."));
  // exp(1) / (exp(1) + 2)
  EXPECT_THAT(html, HasSubstr("<strong>✗ dog</strong> <span>57.6 %</span><br/>is cat<"));
  EXPECT_THAT(html, HasSubstr("title=\"dog 57.6 %\ncat 21.2 %\nbird 21.2 %\""));
  EXPECT_EQ(count(html, "src=\"data:image/png;base64,iVBORw0KGgo"), 3u);
}

TEST(Report, UndoesTheNormalisationOfPictures) {
  const auto pages = [](std::vector<float> mean, std::vector<float> stddev) {
    const TemporaryDirectory directory;
    Answers run({0}, {0});
    ReportOptions options = without_times();
    options.mean = std::move(mean);
    options.stddev = std::move(stddev);
    run.trainer.add<Report>(directory / "report.html", options);
    run.trainer.fit(run.loader, &run.loader);
    return read_text(directory / "report.html");
  };
  // The picture 1 0 0 becomes 0.75 0.5 0.5.
  const auto picture = [](std::initializer_list<std::uint8_t> pixels) {
    return base64(data::encode_png(tensor<std::uint8_t>(pixels, {1, 1, 3})));
  };
  EXPECT_THAT(pages({0.5f}, {0.25f}), HasSubstr(picture({191, 128, 128})));
  EXPECT_THAT(pages({0}, {1}), HasSubstr(picture({255, 0, 0})));
  EXPECT_EQ(error_of<ValueError>([&] {
              pages({0, 0}, {1, 1});
            }),
            "[report] expected a mean and stddev for each of 1 channels or one for all, got 2");
}

TEST(Report, LargePicturesAreShownSmaller) {
  const TemporaryDirectory directory;
  nn::Sequential model(nn::make<nn::Flatten>(),
                       nn::make<nn::Linear>({.in_features = 300, .out_features = 2}));
  optim::SGD optimizer(model.named_parameters(), {.lr = 0});
  Trainer trainer(model, optimizer, {});
  Report& report = trainer.add<Report>(directory / "report.html", without_times());
  const data::Batch batch{full({1, 3, 1, 300}, 0.5), zeros({1}, {.dtype = i64})};
  report.on_evaluation_begin(trainer);
  report.on_evaluation_batch(trainer, batch, ones({1, 2}));
  report.on_epoch_end(trainer, {});
  EXPECT_THAT(read_text(directory / "report.html"),
              HasSubstr(base64(data::encode_png(full({3, 1, 100}, 0.5)))));
}

TEST(Report, DrawsCurvesOfNumbersSpeedAndWaiting) {
  const TemporaryDirectory directory;
  Answers run({0, 1}, {0, 0});
  double now = 0;
  Report report(directory / "report.html", {.seconds = [&] { return now; }});
  report.on_fit_begin(run.trainer);
  report.on_epoch_begin(run.trainer, 1);
  for (std::int64_t step = 1; step <= 4; ++step) {
    now += 2;
    StepInfo info{.step = step, .epoch = 1, .samples = 8, .wait_seconds = 0.5};
    if (step % 2 == 0) info.numbers = {{"loss", 0.5}, {"lr", 0.1}, {"grad_norm", 1}};
    report.on_step_end(run.trainer, info);
  }
  now += 1000;  // of the evaluation
  report.on_epoch_end(run.trainer, {{"loss", 0.25}});
  const std::string html = read_text(directory / "report.html");
  for (const char* title : {"loss", "learning rate", "images per second", "share of time waiting for data"})
    EXPECT_THAT(html, HasSubstr("aria-label=\"" + std::string(title) + " by step\""));
  EXPECT_EQ(count(html, "<svg"), 4u);  // none of the accuracy, which was not seen
  for (const char* point : {"2: 0.5", "4: 0.5", "0: 0.25", "2: 4", "4: 4"})
    EXPECT_THAT(html, HasSubstr("<title>" + std::string(point) + "</title>"));
  EXPECT_THAT(html, HasSubstr("<dt>images per second</dt><dd>4.0</dd>"));
  EXPECT_THAT(html, HasSubstr("<dt>waiting for data</dt><dd>25.0 %</dd>"));
}

TEST(Report, StaysSmallInALongRun) {
  const TemporaryDirectory directory;
  Answers run(std::vector<std::int64_t>(40, 1), std::vector<std::int64_t>(40, 1));
  double now = 0;
  Report& report = run.trainer.add<Report>(directory / "report.html",
                                           ReportOptions{.timed_calls = 0, .seconds = [&] { return now; }});
  report.on_epoch_begin(run.trainer, 1);
  for (std::int64_t step = 1; step <= 100'000; ++step) {
    const double x = static_cast<double>(step);
    now += 0.1 + 0.05 * std::sin(x);
    report.on_step_end(run.trainer, {.step = step,
                                     .epoch = 1,
                                     .samples = 256,
                                     .wait_seconds = 0.01,
                                     .numbers = {{"loss", 1 / x}, {"accuracy", std::cos(x)}, {"lr", x}}});
  }
  run.trainer.evaluate(run.loader);
  report.on_epoch_end(run.trainer, {{"loss", 0.5}});
  EXPECT_EQ(markup_error(read_text(directory / "report.html")), "");
  EXPECT_LT(std::filesystem::file_size(directory / "report.html"), 100'000u);
}

TEST(Report, ListsLayersWithTheirTimesWhenFitHasEnded) {
  const TemporaryDirectory directory;
  Answers run({0, 1}, {0, 0});
  run.trainer.add<Report>(directory / "report.html");
  struct Look final : Callback {
    explicit Look(std::string path) : path_(std::move(path)) {}
    void on_epoch_end(Trainer&, const Numbers&) override { before = read_text(path_); }
    std::string path_, before;
  };
  const auto& look = run.trainer.add<Look>(directory / "report.html");
  run.trainer.fit(run.loader, &run.loader);
  EXPECT_THAT(look.before, Not(HasSubstr("<h2>Layers</h2>")));
  const std::string html = read_text(directory / "report.html");
  EXPECT_EQ(markup_error(html), "");
  EXPECT_THAT(html, HasSubstr("2 layers, 12 parameters, 18 MACs, "));
  EXPECT_THAT(html, HasSubstr("<td class=\"text\">Linear</td><td class=\"text\">[2,3]</td>"));
  EXPECT_THAT(html, HasSubstr(">of the time</th>"));
}

TEST(Report, LeavesThePageThatItFoundWhereNoEpochEnded) {
  const TemporaryDirectory directory;
  const auto options = [&](std::int64_t stop_after) {
    auto steps = std::make_shared<std::int64_t>(0);
    return TrainerOptions{
        .epochs = 3, .log_every = 1, .checkpoints = {.directory = directory.path()}, .stop = [=] {
          return ++*steps == stop_after;
        }};
  };
  const auto goes_on = [&](std::int64_t stop_after) {
    Answers run({0, 1, 2, 2}, {0, 0, 1, 2}, options(stop_after));
    run.trainer.add<Report>(directory / "report.html", without_times());
    run.trainer.resume();
    run.trainer.fit(run.loader, &run.loader);
    return read_text(directory / "report.html");
  };
  EXPECT_THAT(goes_on(1), HasSubstr("<dt>epochs</dt><dd>0 of 3</dd>"));  // better than none
  const std::string first = goes_on(2);
  EXPECT_THAT(first, HasSubstr("<dt>epochs</dt><dd>1 of 3</dd>"));
  EXPECT_EQ(goes_on(1), first);  // it ends epoch 2, but has not evaluated it
}

TEST(Report, IsNoClassifiersWithoutClasses) {
  const TemporaryDirectory directory;
  for (const Tensor& output : {ones({1, 1001}), ones({1}), ones({1, 2, 2})}) {
    Answers run({0}, {0});
    Report report(directory / "report.html", without_times());
    report.on_evaluation_begin(run.trainer);
    report.on_evaluation_batch(run.trainer, {ones({1, 3}), zeros({1}, {.dtype = i64})}, output);
    report.on_epoch_end(run.trainer, {{"loss", 1}});
    const std::string html = read_text(directory / "report.html");
    EXPECT_THAT(html, Not(HasSubstr("<h2>Confusions</h2>")));
    EXPECT_THAT(html, Not(HasSubstr("<h2>Predictions</h2>")));
  }
}

TEST(Report, SaysWhatIsWrong) {
  EXPECT_EQ(error_of<ValueError>([] { Report("x", {.samples = -1}); }),
            "[report] expected samples and timed_calls of 0 or more, got -1 and 3");
  EXPECT_EQ(error_of<ValueError>([] {
              Report("x", {.mean = {0, 0, 0}});
            }),
            "[report] expected as many means as stddevs, got 3 and 1");
  Answers run({0}, {0});
  run.trainer.add<Report>("/no/such/report.html", without_times());
  EXPECT_THAT(error_of<IoError>([&] { run.trainer.fit(run.loader, &run.loader); }),
              HasSubstr("/no/such/report.html"));
}

}  // namespace
}  // namespace fornax::train
