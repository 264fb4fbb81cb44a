// What a profile shows of a device: the work of streams, copies, graphs and memory.
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "cuda/device_test.h"
#include "cuda/small_trainer.h"
#include "fornax/base/error.h"
#include "fornax/cuda/graph.h"
#include "fornax/cuda/stream.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/transfer.h"
#include "fornax/profiler/range.h"
#include "fornax/profiler/session.h"
#include "support/error_of.h"
#include "support/trace.h"

namespace fornax {
namespace {

using profiler::Session;
using test::Trace;
using test::trace_of;
using testing::ElementsAre;

class CudaProfiler : public test::DeviceTest {
 protected:
  const std::string process_ = to_string(device_);
};

TEST_F(CudaProfiler, EachStreamHasALineWithTheOpsThatItRan) {
  const Stream side = cuda::stream_from_pool(device_);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    const Tensor x = ones({1000}, {.device = device_});
    Session session;
    const Tensor y = relu(x);
    {
      const StreamGuard guard(side);
      sum(y);  // waits for it
    }
    session.stop();
    const Trace trace = trace_of(session);
    const Trace::Slice relu = trace.only("unary", process_), sum = trace.only("reduce", process_);
    EXPECT_EQ(relu.line, "default stream");
    EXPECT_EQ(sum.line, "stream 1");
    EXPECT_EQ(relu.category, "op");
    EXPECT_EQ(relu.args, trace.only("unary").args);
    constexpr std::int64_t rounding = 2000;
    EXPECT_LE(relu.start, relu.end);
    EXPECT_LE(relu.end, sum.start + rounding) << "seed " << seed;
    EXPECT_TRUE(trace.is_nested());
  }
}

TEST_F(CudaProfiler, ACopySaysFromWhereToWhereAndHowMuch) {
  const Tensor pinned = pin_memory(ones({1000})), pageable = ones({500});
  Session session;
  const Tensor x = pinned.to(device_), y = pageable.to(device_);
  const HostCopy copy(x);
  y.to(Device::cpu());
  session.stop();
  const Trace trace = trace_of(session);
  for (const std::string& process : {process_, std::string("cpu")}) {
    const auto bytes = [&](const std::string& name) {
      const Trace::Slice slice = trace.only(name, process);
      EXPECT_EQ(slice.category, "copy");
      return slice.args.at("bytes").get<int>();
    };
    EXPECT_EQ(bytes("copy pinned to device"), 4000);
    EXPECT_EQ(bytes("copy pageable to device"), 2000);
    EXPECT_EQ(bytes("copy device to pinned"), 4000);
    EXPECT_EQ(bytes("copy device to pageable"), 2000);
  }
}

TEST_F(CudaProfiler, OfACapturedGraphTheLaunchesAreTimed) {
  const Tensor x = ones({16}, {.device = device_});
  Tensor y;
  cuda::CudaGraph graph(device_, [&] {
    const profiler::Range range("work");
    y = relu(x);
  });
  Session session;
  for (int run = 0; run < 5; ++run) graph.run();  // two as usual, a capture with a launch, two launches
  session.stop();
  EXPECT_EQ(y.to(Device::cpu()).to_vector<float>(), std::vector<float>(16, 1));
  const Trace trace = trace_of(session);
  EXPECT_EQ(trace.named("work").size(), 3u);
  EXPECT_EQ(trace.named("unary").size(), 3u);
  EXPECT_EQ(trace.named("unary", process_).size(), 2u);
  EXPECT_EQ(trace.named("cuda_graph").size(), 3u);
  EXPECT_EQ(trace.named("cuda_graph", process_).size(), 3u);
}

TEST_F(CudaProfiler, ShowsTheMemoryOfTheDevice) {
  Session session;
  const Tensor x = ones({1 << 20}, {.device = device_});
  session.stop();
  std::set<std::string> processes;
  std::int64_t most = 0;
  for (const Trace::Counter& counter : trace_of(session).memory) {
    processes.insert(counter.process);
    if (counter.process == process_) most = std::max(most, counter.bytes);
  }
  EXPECT_THAT(processes, ElementsAre("cpu", process_));
  EXPECT_GE(most, 4 << 20);
}

TEST_F(CudaProfiler, ChangesNothingOfATrainingStep) {
  test::Trainer plain(device_);
  for (int step = 0; step < 2; ++step) plain.step();
  const test::Values want = plain.parameters();
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    reorder(seed);
    test::Trainer trainer(device_);
    Session session;
    for (int step = 0; step < 2; ++step) trainer.step();
    session.stop();
    EXPECT_EQ(trainer.parameters(), want) << "seed " << seed;
    const Trace trace = trace_of(session);
    EXPECT_TRUE(trace.is_nested());
    std::size_t on_device = 0, on_host = 0;
    for (const Trace::Slice& slice : trace.slices)
      if (slice.args.contains("kernel") || slice.category == "copy")
        ++(slice.process == "cpu" ? on_host : on_device);
    EXPECT_GT(on_device, 0u);
    EXPECT_GE(on_host, on_device);
  }
}

#if defined(FORNAX_SIM)  // what only the simulated device can arrange

/// An op that takes a second by the device's clock.
struct Slow {
  static constexpr std::string_view op_name = "slow";
  TensorView y;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}}; }
};
constinit const dispatch::Kernel<Slow> a_second{
    {"a_second", DeviceType::cuda, {f32}},
    [](const Slow&) { return dispatch::accepts; },
    [](const Slow& args) {
      sim::enqueue_host_op("a second",
                           static_cast<cudaStream_t>(cuda::native_handle(current_stream(args.y.device))),
                           [] { sim::pass_time(std::chrono::seconds(1)); });
    }};
constexpr const dispatch::Kernel<Slow>* kernels[] = {&a_second};
constinit const dispatch::Row<Slow> row{kernels};

TEST_F(CudaProfiler, TellsTheTimeOfTheDeviceFromThatOfTheHost) {
  const Tensor x = ones({16}, {.device = device_});
  Session session;
  dispatch::run(row, Slow{x});
  relu(x);
  dispatch::run(row, Slow{x});
  session.stop();
  const profiler::KeyAverage slow = session.key_averages().front();
  EXPECT_EQ(slow.name, "slow");
  EXPECT_EQ(slow.calls, 2);
  EXPECT_GE(slow.device_total, 2);
  EXPECT_LT(slow.device_total, 3);
  EXPECT_LT(slow.cpu_total, 1);
  const Trace trace = trace_of(session);
  const std::vector<Trace::Slice> both = trace.named("slow", process_);
  const Trace::Slice between = trace.only("unary", process_);
  EXPECT_LE(both[0].end, between.start);
  EXPECT_LE(between.end, both[1].start);
  EXPECT_LT(both[1].start - both[0].end, 1'000'000'000);
}

TEST_F(CudaProfiler, WaitsForTheDeviceWhenItStopsAndNotBefore) {
  sim::set_schedule({sim::Schedule::lazy, 3});
  const Tensor x = ones({16}, {.device = device_});
  Session session;
  const int waits = sim::host_waits();
  for (int i = 0; i < 600; ++i) relu(x);  // more than a line keeps marks for
  EXPECT_EQ(sim::host_waits(), waits);
  session.stop();
  EXPECT_GT(sim::host_waits(), waits);
  EXPECT_EQ(trace_of(session).named("unary", process_).size(), 600u);
}

TEST_F(CudaProfiler, UsesItsMarksAgain) {
  const Tensor x = ones({16}, {.device = device_});
  sim::clear_call_counts();
  for (int sessions = 0; sessions < 2; ++sessions) {
    Session session;
    for (int i = 0; i < 1000; ++i) relu(x);
    session.stop();
    EXPECT_EQ(trace_of(session).named("unary", process_).size(), 1000u);
  }
  EXPECT_EQ(sim::call_count("cudaEventElapsedTime"), 2 * (2 * 1000 + 1));
  EXPECT_LT(sim::call_count("cudaEventCreateWithFlags"), 600);
}

TEST_F(CudaProfiler, WhereTheDeviceIsLostWhatTheHostDidIsLeft) {
  const Tensor x = ones({16}, {.device = device_});
  Session session;
  sim::fail_at("launch", 1, cudaErrorIllegalAddress);
  relu(x);
  EXPECT_THAT(test::error_of<DeviceLost>([&] { session.stop(); }),
              testing::HasSubstr("cudaErrorIllegalAddress"));
  const Trace trace = trace_of(session);
  EXPECT_EQ(trace.named("unary").size(), 1u);
  EXPECT_EQ(trace.of_process(process_).size(), 0u);
  sim::reset();
  Session next;
  relu(ones({16}, {.device = device_}));
  next.stop();
  EXPECT_EQ(trace_of(next).named("unary", process_).size(), 1u);
}

TEST_F(CudaProfiler, ARangeIsOneOfNvtxToo) {
  const Tensor x = ones({16});
  sim::start_trace();
  {
    const profiler::Range range("upload");
    relu(x.to(device_));
  }
  x.to(device_);
  std::vector<std::string> ranges;
  for (const sim::TracedOperation& operation : sim::take_trace())
    if (operation.name.starts_with("copy") || operation.range.starts_with("unary"))
      ranges.push_back(operation.range);
  EXPECT_THAT(ranges, ElementsAre("upload", testing::StartsWith("unary/"), ""));
}

#endif

}  // namespace
}  // namespace fornax
