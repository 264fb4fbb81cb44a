// What is made of a recording, whatever a session's times were.
#include "profiler/recording.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

namespace fornax::profiler {
namespace {

using Kind = dispatch::Activity::Kind;
using testing::ElementsAre;

Slice slice(const std::string& name, std::int64_t start, std::int64_t end, Kind kind = Kind::op) {
  return {std::make_shared<const dispatch::Activity>(dispatch::Activity{.kind = kind, .name = name}), start,
          end};
}

/// Name, start, end and self of each.
auto nested(std::vector<Slice> slices) {
  nest(slices);
  std::vector<std::tuple<std::string, std::int64_t, std::int64_t, std::int64_t>> all;
  all.reserve(slices.size());
  for (const Slice& each : slices) all.emplace_back(each.what->name, each.start, each.end, each.self);
  return all;
}

TEST(ProfilerNest, PutsTheOuterFirstAndTakesTheInnerFromIt) {
  EXPECT_THAT(
      nested({slice("b", 1, 3), slice("d", 4, 5), slice("c", 4, 8), slice("a", 0, 10), slice("e", 10, 12)}),
      ElementsAre(std::tuple("a", 0, 10, 4), std::tuple("b", 1, 3, 2), std::tuple("c", 4, 8, 3),
                  std::tuple("d", 4, 5, 1), std::tuple("e", 10, 12, 2)));
}

TEST(ProfilerNest, TakesTimesBeforeTheSession) {
  EXPECT_THAT(nested({slice("a", -9, -4), slice("b", -4, 2)}),
              ElementsAre(std::tuple("a", -9, -4, 5), std::tuple("b", -4, 2, 6)));
}

TEST(ProfilerNest, TakesTheOneThatEndedLastForTheOuterOfTwoWithTheSameTimes) {
  EXPECT_THAT(nested({slice("inner", 2, 2), slice("outer", 2, 2)}),
              ElementsAre(std::tuple("outer", 2, 2, 0), std::tuple("inner", 2, 2, 0)));
}

TEST(ProfilerNest, LetsASliceThatOverlapsBeginWhereTheOtherEnds) {
  EXPECT_THAT(
      nested({slice("a", 0, 10), slice("b", 9, 20), slice("c", 20, 21)}),
      ElementsAre(std::tuple("a", 0, 10, 10), std::tuple("b", 10, 20, 10), std::tuple("c", 20, 21, 1)));
  // The end of c is before the start that b is left with.
  EXPECT_THAT(
      nested({slice("a", 0, 10), slice("c", 6, 8), slice("b", 5, 20)}),
      ElementsAre(std::tuple("a", 0, 10, 10), std::tuple("b", 10, 20, 10), std::tuple("c", 10, 10, 0)));
}

Recording recording_of(std::vector<Line> lines) {
  Recording recording{.lines = std::move(lines), .duration = 10'000'000};
  for (Line& line : recording.lines) nest(line.slices);
  return recording;
}

TEST(ProfilerTable, HasARowForEachOpAndEachRange) {
  const Recording recording = recording_of(
      {{.device = Device::cpu(),
        .name = "thread 1",
        .slices = {slice("relu", 1'000'000, 2'000'000), slice("conv2d", 2'000'000, 5'000'000),
                   slice("relu", 5'000'000, 5'500'000), slice("step", 0, 6'000'000, Kind::range)}},
       {.device = Device::cpu(), .name = "thread 2", .slices = {slice("relu", 0, 500'000)}}});
  EXPECT_EQ(table_of(recording),
            "op                     calls   cpu total    cpu mean    share\n"
            "conv2d                     1    3.000 ms    3.000 ms    60.0%\n"
            "relu                       3    2.000 ms  666.667 us    40.0%\n"
            "\n"
            "range                  calls       total        mean    share\n"
            "step                       1    6.000 ms    6.000 ms    60.0%\n"
            "\n"
            "in a session of 10.000 ms\n");
}

TEST(ProfilerTable, ShowsTheTimesOfDevicesWhereThereAreSomeAndOrdersByThem) {
  Recording recording = recording_of(
      {{.device = Device::cpu(),
        .name = "thread 1",
        .slices = {slice("relu", 0, 3000), slice("copy pinned to device", 3000, 4000, Kind::copy)}},
       {.device = Device::cuda(0), .name = "default stream", .slices = {slice("relu", 9000, 10000)}},
       {.device = Device::cuda(0),
        .name = "stream 1",
        .slices = {slice("copy pinned to device", 5000, 2'000'005'000, Kind::copy)}}});
  recording.dropped = 7;
  EXPECT_EQ(
      table_of(recording),
      "op                      calls   cpu total    cpu mean    share  cuda total   cuda mean    share\n"
      "copy pinned to device       1    1.000 us    1.000 us    25.0%     2.000 s     2.000 s   100.0%\n"
      "relu                        1    3.000 us    3.000 us    75.0%    1.000 us    1.000 us     0.0%\n"
      "\n"
      "in a session of 10.000 ms; 7 events beyond its limit (max_events) are missing\n");
}

TEST(ProfilerTable, CountsAnOpInsideOfAnotherOnce) {
  const Recording recording =
      recording_of({{.device = Device::cpu(),
                     .name = "thread 1",
                     .slices = {slice("inner", 1000, 4000), slice("outer", 0, 4000)}}});
  const std::vector<KeyAverage> averages = averages_of(recording);
  ASSERT_EQ(averages.size(), 2u);
  EXPECT_EQ(averages[0].name, "inner");
  EXPECT_DOUBLE_EQ(averages[0].cpu_self, 3e-6);
  EXPECT_DOUBLE_EQ(averages[1].cpu_self, 1e-6);
  EXPECT_DOUBLE_EQ(averages[1].cpu_total, 4e-6);
}

}  // namespace
}  // namespace fornax::profiler
