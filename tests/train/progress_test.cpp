#include "fornax/train/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace fornax::train {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const ProgressState half{.title = "epoch 1/2",
                         .step = 234,
                         .steps = 468,
                         .numbers = {{"loss", 0.43211}, {"accuracy", 0.8543}},
                         .images_per_second = 812.4,
                         .wait_share = 0.012,
                         .eta_seconds = 42.3};

TEST(ProgressLine, ShowsEverythingWithABarOfTheRoomLeft) {
  EXPECT_EQ(progress_line(half, 105),
            "epoch 1/2  50% [==========>         ] 234/468  loss 0.4321  accuracy 0.8543  812 img/s  wait 1% "
            " ETA 0:42");
  EXPECT_EQ(progress_line(half, 0),
            "epoch 1/2  50% 234/468  loss 0.4321  accuracy 0.8543  812 img/s  wait 1%  ETA 0:42");
}

TEST(ProgressLine, FitsAnyWidth) {
  for (int width = 1; width < 200; ++width)
    EXPECT_LE(progress_line(half, width).size(), static_cast<std::size_t>(width));
  EXPECT_EQ(progress_line(half, 20), "epoch 1/2  50% 234/4");
  EXPECT_EQ(progress_line(half, 66), "epoch 1/2  50% 234/468  loss 0.4321  812 img/s  wait 1%  ETA 0:42");
}

TEST(ProgressLine, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(progress_line(
                {.title = "test", .step = 1, .steps = 3, .images_per_second = 3.14, .eta_seconds = 7325}, 0),
            "test  33% 1/3  3.1 img/s  wait 0%  ETA 2:02:05");
}

TEST(ProgressLine, ShowsMemoryAndSmallNumbers) {
  EXPECT_EQ(progress_line({.title = "t",
                           .step = 1,
                           .steps = 1,
                           .numbers = {{"lr", 1.25e-5}},
                           .images_per_second = 20,
                           .memory = 1'340'000'000},
                          0),
            "t 100% 1/1  lr 1.250e-05  1.3 GB  20 img/s  wait 0%  ETA 0:00");
  EXPECT_THAT(progress_line({.title = "t", .memory = 34'000'000}, 0), HasSubstr(" 34 MB "));
}

TEST(ProgressLine, ShowsALossThatIsNotFinite) {
  EXPECT_THAT(progress_line({.title = "t", .step = 1, .steps = 1, .numbers = {{"loss", std::nan("")}}}, 0),
              HasSubstr("loss nan"));
}

/// Runs steps of 0.04 s each, a quarter of it waiting, on a clock of its own.
std::string run(bool terminal, int steps, const char* note = nullptr) {
  std::FILE* out = std::tmpfile();
  double now = 100;
  Progress progress(
      "epoch 1/1", steps,
      {.out = out, .terminal = terminal, .line_every_seconds = 2, .seconds = [&] { return now; }});
  for (int i = 0; i < steps; ++i) {
    now += 0.04;
    progress.step({.images = 8, .wait_seconds = 0.01, .numbers = {{"loss", 1. / (i + 1)}}});
  }
  if (note) progress.note(note);
  progress.finish();
  std::string text(static_cast<std::size_t>(std::ftell(out)), '\0');
  std::rewind(out);
  EXPECT_EQ(std::fread(text.data(), 1, text.size(), out), text.size());
  std::fclose(out);
  return text;
}

TEST(Progress, OnATerminalRedrawsAtMostTenTimesASecond) {
  const std::string text = run(true, 100);  // 4 seconds
  const auto redraws = std::count(text.begin(), text.end(), '\r');
  EXPECT_GT(redraws, 20);
  EXPECT_LE(redraws, 41);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(Progress, ElsewhereWritesAPlainLineNowAndThen) {
  const std::string text = run(false, 100);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
  EXPECT_EQ(text.find_first_of("\r\x1b"), std::string::npos);
  EXPECT_THAT(text, StartsWith("epoch 1/1  50% 50/100  loss 0.02000  200 img/s  wait 25%  ETA 0:02\n"));
  EXPECT_THAT(text, HasSubstr("epoch 1/1 100% 100/100  loss 0.01000  200 img/s  wait 25%  ETA 0:00\n"));
}

TEST(Progress, NotesAreLinesOfTheirOwn) {
  EXPECT_EQ(run(false, 0, "saved"), "saved\nepoch 1/1 100% 0/0  0.0 img/s  wait 0%  ETA 0:00\n");
  EXPECT_THAT(run(true, 0, "saved"), StartsWith("\rsaved\x1b[K\n\repoch 1/1 100%"));
}

TEST(Progress, StandsWithoutAnySteps) {
  EXPECT_EQ(run(false, 0), "epoch 1/1 100% 0/0  0.0 img/s  wait 0%  ETA 0:00\n");
}

}  // namespace
}  // namespace fornax::train
