#include "fornax/train/tensorboard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <numeric>
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

using testing::ElementsAre;
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
}

TEST(Events, AHistogramCountsItsNumbersInBucketsWithoutGaps) {
  const std::vector<double> values = {-3, -1e-13, 0, 0, 1e-13, 1, 1.05, 1.05, 1e30};
  const auto& [limits, counts] = buckets_of(values);
  for (std::size_t i = 1; i < limits.size(); ++i) {
    EXPECT_LT(limits[i - 1], limits[i]);
    const auto inside = std::ranges::count_if(
        values, [&](double value) { return value > limits[i - 1] && value <= limits[i]; });
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

}  // namespace
}  // namespace fornax::train
