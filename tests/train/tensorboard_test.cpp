#include "fornax/train/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/fornax.h"
#include "support/error_of.h"
#include "support/files.h"
#include "train/event.h"

namespace fornax::train {
namespace {

using namespace test;

using testing::HasSubstr;

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    constexpr const char* digits = "0123456789abcdef";
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

// What tensorboard 2.21 writes for the same events (scripts/check_tensorboard.py).
TEST(Events, AreTheBytesOfTensorBoardItself) {
  EXPECT_EQ(hex(version_event(1.5).bytes()), "09000000000000f83f1a0d627261696e2e4576656e743a32");
  EXPECT_EQ(hex(purge_event(1.5, 300).bytes()), "09000000000000f83f10ac023a020801");
  EXPECT_EQ(hex(summary_event(1.5, 300, scalar_value("train/loss", 0.25f)).bytes()),
            "09000000000000f83f10ac022a130a110a0a747261696e2f6c6f7373150000803e");
  EXPECT_EQ(hex(summary_event(1.5, 1, text_value("note", "**hello**")).bytes()),
            "09000000000000f83f10012a340a320a116e6f74652f746578745f73756d6d6172794213080712041202080142092a2a"
            "68656c6c6f2a2a4a080a060a0474657874");
  EXPECT_EQ(hex(summary_event(1.5, 2, histogram_value("w", {0, 0})).bytes()),
            "09000000000000f83f10022a340a320a01772a2d190000000000000040321011ea2d81999771bd00000000000000003a"
            "1000000000000000000000000000000040");
  const PngImage image{.height = 2, .width = 300, .channels = 3, .bytes = "\x89PNG"};
  EXPECT_EQ(hex(summary_event(1.5, 3, image_value("photo", image)).bytes()),
            "09000000000000f83f10032a180a160a0570686f746f220d080210ac021803220489504e47");
}

TEST(Events, OfHyperParametersAreTheBytesOfTensorBoardItself) {
  const Fields hparams = {{"amp", false}, {"epochs", 90}, {"lr", 0.0}, {"model", "mlp"}};
  const std::vector<std::string> metrics = {"test/accuracy"};
  EXPECT_EQ(hex(summary_event(1.5, 0, experiment_value(hparams, metrics)).bytes()),
            "09000000000000f83f2a6c0a6a0a145f68706172616d735f2f6578706572696d656e7442060801120212004a4a0a48"
            "0a0768706172616d73123d123b22070a03616d702002220a0a0665706f636873200322060a026c72200322090a056d"
            "6f64656c20012a110a0f120d746573742f6163637572616379");
  EXPECT_EQ(hex(summary_event(1.5, 0, session_start_value(hparams, 1.5)).bytes()),
            "09000000000000f83f2a84010a81010a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f4206"
            "0801120212004a590a570a0768706172616d73124c1a4a0a090a03616d70120220000a130a0665706f636873120911"
            "00000000008056400a0f0a026c7212091100000000000000000a0e0a056d6f64656c12051a036d6c70290000000000"
            "00f83f");
  EXPECT_EQ(hex(summary_event(1.5, 0, session_end_value(2.5)).bytes()),
            "09000000000000f83f2a420a400a1a5f68706172616d735f2f73657373696f6e5f656e645f696e666f420608011202"
            "12004a1a0a180a0768706172616d73120d220b0801110000000000000440");
}

TEST(Events, AHistogramCountsItsNumbersInBucketsWithoutGaps) {
  const std::vector<double> values = {-3, -1e-13, 0, 0, 1e-13, 1, 1.05, 1.05, 1e30};
  const auto& [limits, counts] = buckets_of(values);
  for (std::size_t i = 1; i < limits.size(); ++i) {
    EXPECT_LT(limits[i - 1], limits[i]);
    const auto inside = std::ranges::count_if(values, [low = limits[i - 1], high = limits[i]](double value) {
      return value > low && value <= high;
    });
    EXPECT_EQ(counts[i], static_cast<double>(inside)) << "up to " << limits[i];
    if (counts[i] > 0 && limits[i - 1] > 0) {
      EXPECT_LT(limits[i] / limits[i - 1], 1.1 + 1e-9);
    }
  }
  EXPECT_EQ(counts.front(), 0);
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.), static_cast<double>(values.size()));
}

/// The records of an event file; each is checked to be whole.
std::vector<std::string> records_of(const std::string& path) {
  const std::string bytes = read_text(path);
  std::vector<std::string> records;
  for (std::size_t at = 0; at < bytes.size();) {
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data() + at, 8);
    const std::string data = bytes.substr(at + 12, length);
    EXPECT_EQ(hex(bytes.substr(at, 16 + length)), hex(tfrecord(data)));
    records.push_back(data);
    at += 16 + length;
  }
  return records;
}

TEST(SummaryWriter, WritesARecordForEachEvent) {
  const TemporaryDirectory directory;
  double now = 1000;
  SummaryWriter writer(directory / "run", {.purge_step = 7, .wall_time = [&] { return now++; }});
  EXPECT_THAT(writer.path(), HasSubstr("run/events.out.tfevents.1000."));
  writer.add_scalar("train/loss", 0.5, 7);
  writer.add_text("note", "**bold**", 7);
  writer.add_histogram("weights", tensor<float>({1, 2, NAN, INFINITY}), 8);
  const std::vector<std::string> records = records_of(writer.path());
  ASSERT_EQ(records.size(), 5u);
  EXPECT_THAT(records[0], HasSubstr("brain.Event:2"));
  EXPECT_EQ(records[1], purge_event(1002, 7).bytes());
  EXPECT_EQ(records[2], summary_event(1003, 7, scalar_value("train/loss", 0.5f)).bytes());
  EXPECT_THAT(records[3], HasSubstr("**bold**"));
  EXPECT_EQ(records[4], summary_event(1005, 8, histogram_value("weights", {1, 2})).bytes());
}

TEST(SummaryWriter, WritesImagesAsPng) {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path(), {.wall_time = [] { return 2.; }});
  const Tensor image = arange(0, 12, 1, u8).reshape({3, 2, 2});
  writer.add_image("a", image, 5);
  writer.add_image("b", rand({1, 3, 7}), 5);
  const std::vector<std::string> records = records_of(writer.path());
  ASSERT_EQ(records.size(), 3u);
  const std::string png = records[1].substr(records[1].find("\x89PNG"));
  EXPECT_EQ(
      records[1],
      summary_event(2, 5, image_value("a", {.height = 2, .width = 2, .channels = 3, .bytes = png})).bytes());
  EXPECT_EQ(data::decode_image(std::as_bytes(std::span(png)), "a").to_vector<std::uint8_t>(),
            image.to_vector<std::uint8_t>());
  EXPECT_THROW(writer.add_image("c", image[0], 5), ShapeError);
}

TEST(SummaryWriter, WritesHyperParameters) {
  const TemporaryDirectory directory;
  double now = 1000;
  SummaryWriter writer(directory.path(), {.wall_time = [&] { return now; }});
  const Fields hparams = {{"lr", 0.1}};
  const std::vector<std::string> metrics = {"test/loss"};
  writer.add_hparams(hparams, metrics);
  now = 1060;
  writer.end_hparams();
  const std::vector<std::string> records = records_of(writer.path());
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[1], summary_event(1000, 0, experiment_value(hparams, metrics)).bytes());
  EXPECT_EQ(records[2], summary_event(1000, 0, session_start_value(hparams, 1000)).bytes());
  EXPECT_EQ(records[3], summary_event(1060, 0, session_end_value(1060)).bytes());
}

TEST(SummaryWriter, SaysWhatIsWrong) {
  const TemporaryDirectory directory;
  SummaryWriter writer(directory.path());
  EXPECT_EQ(error_of<DTypeError>([&] { writer.add_histogram("x", tensor<std::int64_t>({1}), 0); }),
            "[add_histogram] expected floating values, got i64[1]@cpu");
  write_text(directory / "file", "");
  EXPECT_THAT(error_of<IoError>([&] { SummaryWriter(directory / "file"); }),
              HasSubstr("file] expected to create the directory, got:"));
}

TEST(TensorBoard, WritesWhatATrainerReports) {
  const TemporaryDirectory directory;
  nn::Linear model{{.in_features = 2, .out_features = 2}};
  optim::SGD optimizer{model.named_parameters(), {.lr = 0.1}};
  Trainer trainer(model, optimizer, {});
  TensorBoard board(directory.path(), {.histograms = true, .text = "--lr 1"});
  board.on_fit_begin(trainer);
  board.on_step_end(trainer, {.step = 1, .epoch = 1, .samples = 1});
  board.on_step_end(trainer, {.step = 2, .epoch = 1, .samples = 1, .numbers = {{"loss", 1.5}, {"lr", 0.1}}});
  board.on_epoch_end(trainer, {{"accuracy", 0.75}});
  ASSERT_EQ(files_in(directory), 1u);
  const std::vector<std::string> records =
      records_of(std::filesystem::directory_iterator(directory.path())->path());
  ASSERT_EQ(records.size(), 7u);  // version, text, two numbers, one of the evaluation, two histograms
  const std::vector<std::string> tags = {
      "", "options/text_summary", "train/loss", "train/lr", "test/accuracy", "weight", "bias"};
  for (std::size_t i = 0; i < tags.size(); ++i) EXPECT_THAT(records[i], HasSubstr(tags[i]));
}

TEST(TensorBoard, WritesTheHyperParametersOfARunAndThatItHasEnded) {
  nn::Linear model{{.in_features = 2, .out_features = 2}};
  optim::SGD optimizer{model.named_parameters(), {.lr = 0.1}};
  data::DataLoader loader(std::make_shared<data::TensorDataset>(ones({4, 2}), zeros({4}, {.dtype = i64})),
                          {.batch_size = 2});
  for (const bool stopped : {false, true}) {
    const TemporaryDirectory directory;
    Trainer trainer(model, optimizer, {.stop = [&] { return stopped; }});
    trainer.add<TensorBoard>(directory.path(), TensorBoardOptions{.hparams = {{"lr", 0.1}}});
    EXPECT_EQ(trainer.fit(loader), !stopped);
    const std::vector<std::string> records =
        records_of(std::filesystem::directory_iterator(directory.path())->path());
    ASSERT_EQ(records.size(), stopped ? 3u : 4u);
    for (const char* text : {"_hparams_/experiment", "test/loss", "test/accuracy"})
      EXPECT_THAT(records[1], HasSubstr(text));
    EXPECT_THAT(records[2], HasSubstr("_hparams_/session_start_info"));
    if (!stopped) {
      EXPECT_THAT(records[3], HasSubstr("_hparams_/session_end_info"));
    }
  }
}

}  // namespace
}  // namespace fornax::train
