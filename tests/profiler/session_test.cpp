#include "fornax/profiler/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/profiler/range.h"
#include "support/error_of.h"
#include "support/trace.h"

namespace fornax::profiler {
namespace {

using test::error_of;
using test::Trace;
using test::trace_of;
using testing::HasSubstr;
using Kind = dispatch::Activity::Kind;

/// An op whose kernel works by other ops, and fails if it is told to.
struct Squares {
  static constexpr std::string_view op_name = "squares";
  TensorView y, x;
  const Tensor* of = nullptr;
  bool fails = false;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};
constinit const dispatch::Kernel<Squares> by_parts{{"by_parts", DeviceType::cpu, {f32}},
                                                   [](const Squares&) { return dispatch::accepts; },
                                                   [](const Squares& args) {
                                                     const Tensor square = *args.of * *args.of;
                                                     if (args.fails) throw std::runtime_error("told to fail");
                                                     sum(square);
                                                   }};
constexpr const dispatch::Kernel<Squares>* kernels[] = {&by_parts};
constinit const dispatch::Row<Squares> row{kernels};

void run_squares(bool fails = false) {
  const Tensor x = ones({16});
  dispatch::run(row, Squares{.y = x, .x = x, .of = &x, .fails = fails});
}

KeyAverage average_of(const Session& session, const std::string& name) {
  for (const KeyAverage& average : session.key_averages())
    if (average.name == name) return average;
  throw std::runtime_error("no average of " + name);
}

TEST(ProfilerSession, RecordsAnOpWithItsKernelAndItsOperands) {
  const Tensor x = ones({2, 3}, {.dtype = f64});
  Session session;
  const Tensor y = x + x;
  session.stop();
  const Trace::Slice op = trace_of(session).only("binary");
  EXPECT_EQ(op.category, "op");
  EXPECT_EQ(op.process, "cpu");
  EXPECT_EQ(op.args, (nlohmann::json{{"kernel", "packed"},
                                     {"dtype", "f64"},
                                     {"operands", "y=f64[2,3]@cpu a=f64[2,3]@cpu b=f64[2,3]@cpu"}}));
}

TEST(ProfilerSession, ARangeEnclosesItsOpsAndTheRangesInIt) {
  const Tensor x = ones({4});
  Session session;
  {
    const Range outer("forward");
    const Range inner("layer \"1\"\n\xff");
    relu(x);
  }
  sum(x);
  session.stop();
  const Trace trace = trace_of(session);
  const Trace::Slice forward = trace.only("forward"), layer = trace.only("layer \"1\"\n\xef\xbf\xbd");
  EXPECT_EQ(forward.category, "range");
  EXPECT_TRUE(forward.encloses(layer));
  EXPECT_TRUE(layer.encloses(trace.only("unary")));
  EXPECT_LE(forward.end, trace.only("reduce").start);
  EXPECT_TRUE(trace.is_nested());
}

TEST(ProfilerSession, AnOpThatRunsOtherOpsEnclosesThemAndTheirTimeIsNotItsOwn) {
  Session session;
  run_squares();
  session.stop();
  const Trace trace = trace_of(session);
  const Trace::Slice outer = trace.only("squares");
  EXPECT_TRUE(outer.encloses(trace.only("binary")));
  EXPECT_TRUE(outer.encloses(trace.only("reduce")));
  const KeyAverage squares = average_of(session, "squares");
  const double inner = average_of(session, "binary").cpu_total + average_of(session, "reduce").cpu_total;
  EXPECT_NEAR(squares.cpu_self, squares.cpu_total - inner, 1e-12);
}

TEST(ProfilerSession, GradientsAreOpsToo) {
  const Tensor x = ones({4}).set_requires_grad();
  Session session;
  {
    const Range range("backward");
    sum(relu(x)).backward();
  }
  session.stop();
  const Trace trace = trace_of(session);
  EXPECT_TRUE(trace.only("backward").encloses(trace.only("unary_grad")));
}

TEST(ProfilerSession, AnOpAndARangeEndWhereAnExceptionLeavesThem) {
  Session session;
  EXPECT_THROW(
      {
        const Range range("step");
        run_squares(/*fails=*/true);
      },
      std::runtime_error);
  relu(ones({4}));
  session.stop();
  const Trace trace = trace_of(session);
  EXPECT_TRUE(trace.only("step").encloses(trace.only("squares")));
  EXPECT_LE(trace.only("step").end, trace.only("unary").start);
}

TEST(ProfilerSession, EachThreadHasALineOfItsOwn) {
  const Tensor x = ones({4});
  Session session;
  const auto work = [&] {
    const Range range("work");
    relu(x);
  };
  work();
  std::thread(work).join();
  std::thread(work).join();
  session.stop();
  const Trace trace = trace_of(session);
  const std::vector<Trace::Slice> ranges = trace.named("work"), ops = trace.named("unary");
  ASSERT_EQ(ranges.size(), 3u);
  ASSERT_EQ(ops.size(), 3u);
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(ranges[i].encloses(ops[i]));
    lines.push_back(ranges[i].line);
  }
  EXPECT_THAT(lines, testing::ElementsAre("thread 1", "thread 2", "thread 3"));
}

TEST(ProfilerSession, CountsCallsAndAddsUpTheirTimes) {
  const Tensor x = ones({1000});
  Session session;
  for (int i = 0; i < 3; ++i) {
    const Range range("step");
    relu(x);
    relu(x);
  }
  session.stop();
  const KeyAverage step = average_of(session, "step"), unary = average_of(session, "unary");
  EXPECT_EQ(step.kind, Kind::range);
  EXPECT_EQ(step.calls, 3);
  EXPECT_EQ(unary.kind, Kind::op);
  EXPECT_EQ(unary.calls, 6);
  EXPECT_EQ(unary.device_total, 0);
  double total = 0;
  for (const Trace::Slice& slice : trace_of(session).named("unary"))
    total += 1e-9 * static_cast<double>(slice.end - slice.start);
  EXPECT_GT(total, 0);
  EXPECT_NEAR(unary.cpu_total, total, 1e-12);
  EXPECT_GE(step.cpu_total, total);
  EXPECT_THAT(session.table(), HasSubstr("unary                      6"));
}

TEST(ProfilerSession, ShowsTheMemoryInUseAfterEachOp) {
  Session session;
  {
    const Tensor x = ones({1 << 20});
    relu(ones({4}));
  }
  relu(ones({4}));
  session.stop();
  const Trace trace = trace_of(session);
  ASSERT_GE(trace.memory.size(), 2u);
  const std::int64_t with = trace.memory.front().bytes, without = trace.memory.back().bytes;
  EXPECT_EQ(trace.memory.front().time, trace.named("fill").front().end);
  EXPECT_GT(with, without + (3 << 20));
  for (const Trace::Counter& counter : trace.memory) EXPECT_EQ(counter.process, "cpu");
}

TEST(ProfilerSession, RecordsNothingBeforeItNorAfterItNorWhatGoesBeyondIt) {
  const Tensor x = ones({4});
  relu(x);
  std::optional<Range> before(std::in_place, "before");
  Session session;
  before.reset();
  const Tensor y = x + x;
  std::optional<Range> after(std::in_place, "after");
  session.stop();
  EXPECT_EQ(dispatch::observer(), nullptr);
  EXPECT_FALSE(dispatch::detail::watched());
  after.reset();
  relu(x);
  const Trace trace = trace_of(session);
  ASSERT_EQ(trace.slices.size(), 1u);
  EXPECT_EQ(trace.slices[0].name, "binary");
}

TEST(ProfilerSession, WhatBeganInAnEarlierSessionDoesNotEndWhatBeganInThisOne) {
  const Tensor x = ones({4});
  std::optional<Session> first(std::in_place);
  std::optional<Range> begun(std::in_place, "begun");
  first.reset();
  Session second;
  begun.reset();
  {
    const Range range("range");
    relu(x);
  }
  second.stop();
  const Trace trace = trace_of(second);
  EXPECT_EQ(trace.slices.size(), 2u);
  EXPECT_TRUE(trace.only("range").encloses(trace.only("unary")));
}

TEST(ProfilerSession, CountsEventsBeyondItsLimitWithoutKeepingThem) {
  const Tensor x = ones({4});
  Session session({.max_events = 3});
  for (int i = 0; i < 5; ++i) relu(x);
  session.stop();
  const Trace trace = trace_of(session);
  EXPECT_EQ(trace.slices.size(), 3u);
  EXPECT_EQ(trace.dropped, 2u);
  EXPECT_THAT(session.table(), HasSubstr("; 2 events beyond its limit (max_events) are missing\n"));
  Session next;
  relu(x);
  next.stop();
  EXPECT_EQ(trace_of(next).slices.size(), 1u);
  EXPECT_THAT(next.table(), testing::Not(HasSubstr("missing")));
}

TEST(ProfilerSession, ThereIsOneAtATimeAndItGoesOnWhereASecondOneIsRefused) {
  Session first;
  EXPECT_EQ(error_of<ValueError>([] { Session second; }),
            "[profiler] expected one session at a time, got a second one");
  relu(ones({4}));
  first.stop();
  first.stop();
  EXPECT_EQ(trace_of(first).named("unary").size(), 1u);
  Session second;
}

TEST(ProfilerSession, ItsDestructorStopsIt) {
  { const Session session; }
  EXPECT_EQ(dispatch::observer(), nullptr);
  const Session next;
}

TEST(ProfilerSession, HasNothingToShowBeforeItIsStopped) {
  Session session;
  const std::string message = "[profiler] expected a session that was stopped, got one under way";
  EXPECT_EQ(error_of<ValueError>([&] { session.table(); }), message);
  EXPECT_EQ(error_of<ValueError>([&] { session.key_averages(); }), message);
  EXPECT_EQ(error_of<ValueError>([&] { session.write_trace("/dev/null"); }), message);
  session.stop();
  EXPECT_THAT(session.key_averages(), testing::IsEmpty());
  EXPECT_EQ(trace_of(session).slices.size(), 0u);
}

TEST(ProfilerSession, NamesTheFileThatCannotBeWritten) {
  Session session;
  relu(ones({4}));
  session.stop();
  EXPECT_EQ(error_of<IoError>([&] { session.write_trace("/no/such/directory/trace.json"); }),
            "[/no/such/directory/trace.json] expected to create the file, got: No such file or directory");
  const test::TemporaryDirectory directory;
  const test::DiskFullAfter limit(16);
  EXPECT_THAT(error_of<IoError>([&] { session.write_trace(directory / "trace.json"); }),
              HasSubstr("the file, got: File too large"));
}

TEST(ProfilerSession, BeginsAndEndsWhileThreadsWork) {
  constexpr int threads = 3, sessions = 30;
  const Tensor x = ones({64});
  std::atomic<int> wanted = 0, worked = 0;
  std::vector<std::jthread> workers;
  workers.reserve(threads);
  for (int i = 0; i < threads; ++i)
    workers.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (worked >= wanted) {
          std::this_thread::yield();
          continue;
        }
        {
          const Range range("work");
          relu(x);
        }
        ++worked;
      }
    });
  for (int i = 0; i < sessions; ++i) {
    wanted = worked + 200;  // more than they do until the session has begun, or ended
    Session session;
    const int before = worked;
    wanted = before + 200;
    {
      const Range range("own");
      run_squares();
    }
    while (worked <= before + threads) std::this_thread::yield();  // so one at least began in the session
    session.stop();
    const Trace trace = trace_of(session);
    EXPECT_TRUE(trace.is_nested());
    EXPECT_TRUE(trace.only("own").encloses(trace.only("squares")));
    EXPECT_GE(trace.named("work").size(), 1u);
  }
}

}  // namespace
}  // namespace fornax::profiler
