#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;
using testing::HasSubstr;

constexpr int count = 512;
constexpr std::size_t bytes = count * sizeof(float);

class GraphTest : public SimTest {
 protected:
  GraphTest() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming), cudaSuccess);
    EXPECT_EQ(cudaEventCreateWithFlags(&join, cudaEventDisableTiming), cudaSuccess);
  }
  ~GraphTest() override {
    if (executable) cudaGraphExecDestroy(executable);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(fork), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(join), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(side), cudaSuccess);
  }

  void begin() { ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess); }
  void end(std::size_t nodes) {
    cudaGraph_t graph = nullptr;
    ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
    std::size_t got = 0;
    EXPECT_EQ(cudaGraphGetNodes(graph, nullptr, &got), cudaSuccess);
    EXPECT_EQ(got, nodes);
    ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
    EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  }
  void launch() { EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess); }
  /// What comes of a capture that was spoiled.
  void expect_invalid() {
    cudaStreamCaptureStatus status{};
    EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    EXPECT_EQ(status, cudaStreamCaptureStatusInvalidated);
    cudaGraph_t graph = nullptr;
    EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
    EXPECT_EQ(graph, nullptr);
    EXPECT_EQ(cudaStreamIsCapturing(stream, &status), cudaSuccess);
    EXPECT_EQ(status, cudaStreamCaptureStatusNone);
  }
  void order(cudaStream_t after, cudaEvent_t event, cudaStream_t before) {
    EXPECT_EQ(cudaEventRecord(event, before), cudaSuccess);
    EXPECT_EQ(cudaStreamWaitEvent(after, event, 0), cudaSuccess);
  }

  cudaStream_t side = nullptr;
  cudaEvent_t fork = nullptr, join = nullptr;
  cudaGraphExec_t executable = nullptr;
  DeviceArray<float> x{std::vector<float>(count, 1)}, y{std::vector<float>(count)};
};

TEST_F(GraphTest, CapturedWorkRunsAtEachLaunchOnly) {
  begin();
  add(x.data(), x.data(), x.data(), count, 1, stream);
  EXPECT_EQ(cudaMemcpyAsync(y.data(), x.data(), bytes, cudaMemcpyDeviceToDevice, stream), cudaSuccess);
  end(2);
  EXPECT_EQ(y.values()[0], 0);
  for (const float expected : {2.0f, 4.0f, 8.0f}) {
    launch();
    EXPECT_EQ(y.values(), std::vector<float>(count, expected));
  }
}

class GraphScenario : public GraphTest, public testing::WithParamInterface<int> {
 protected:
  GraphScenario() { set_schedule({Schedule::lazy, static_cast<std::uint64_t>(GetParam())}); }
};
INSTANTIATE_TEST_SUITE_P(Seeds, GraphScenario, testing::Range(1, 11));

TEST_P(GraphScenario, ForksAndJoinsKeepTheirOrder) {
  const DeviceArray<float> z{std::vector<float>(count)};
  begin();
  order(side, fork, stream);
  add(x.data(), x.data(), y.data(), count, 2, stream);
  add(x.data(), x.data(), z.data(), count, 2, side);
  order(stream, join, side);
  add(y.data(), z.data(), x.data(), count, 2, stream);
  end(3);
  launch();
  launch();
  EXPECT_EQ(x.values(), std::vector<float>(count, 16));
}

TEST_P(GraphScenario, RacesInAGraphAreFound) {
  begin();
  order(side, fork, stream);
  add(x.data(), x.data(), y.data(), count, 2, stream);
  add(y.data(), y.data(), x.data(), count, 2, side);
  order(stream, join, side);
  end(2);
  launch();
  const std::string text = take_report_text();
  if (is_tracked()) {
    EXPECT_THAT(text, HasSubstr("stream-race: "));
  }
}

TEST_P(GraphScenario, LaunchesAreOrderedWithTheirStream) {
  begin();
  add(x.data(), x.data(), y.data(), count, 2, stream);
  end(1);
  EXPECT_EQ(cudaMemsetAsync(x.data(), 0, bytes, stream), cudaSuccess);
  launch();
  EXPECT_EQ(y.values(), std::vector<float>(count, 0));
}

TEST_P(GraphScenario, MemoryMayBeAllocatedAndFreedInAGraph) {
  const std::size_t before = live_allocations().size();
  begin();
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, bytes, stream), cudaSuccess);
  auto* const temporary = static_cast<float*>(data);
  add(x.data(), x.data(), temporary, count, 2, stream);
  add(temporary, temporary, y.data(), count, 2, stream);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  end(4);
  launch();
  launch();
  EXPECT_EQ(y.values(), std::vector<float>(count, 4));
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  executable = nullptr;
  EXPECT_EQ(live_allocations().size(), before);
}

TEST_F(GraphTest, MemoryThatAGraphKeepsForbidsAnotherLaunch) {
  begin();
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, bytes, stream), cudaSuccess);
  end(1);
  launch();
  EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaErrorInvalidValue);
  EXPECT_THAT(take_report_text(), HasSubstr("graph: a graph is launched again before memory"));
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
}

TEST_F(GraphTest, WaitingInACaptureSpoilsIt) {
  begin();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
  begin();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
  begin();
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
  begin();
  EXPECT_EQ(cudaEventRecord(fork, stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(fork), cudaErrorCapturedEvent);
  expect_invalid();
}

TEST_F(GraphTest, MemoryOutsideOfStreamOrderSpoilsACapture) {
  void* data = nullptr;
  begin();
  EXPECT_EQ(cudaMalloc(&data, 16), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
  begin();
  EXPECT_EQ(cudaHostAlloc(&data, 16, 0), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
  begin();
  float value = 0;
  EXPECT_EQ(cudaMemcpy(&value, x.data(), 4, cudaMemcpyDeviceToHost), cudaErrorStreamCaptureUnsupported);
  expect_invalid();
}

TEST_F(GraphTest, RelaxedThreadsMayDoSo) {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
  EXPECT_EQ(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
  EXPECT_EQ(mode, cudaStreamCaptureModeGlobal);
  begin();
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 16), cudaSuccess);
  EXPECT_EQ(cudaThreadExchangeStreamCaptureMode(&mode), cudaSuccess);
  end(0);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST_F(GraphTest, EventsFromOutsideSpoilACapture) {
  EXPECT_EQ(cudaEventRecord(fork, side), cudaSuccess);
  begin();
  EXPECT_EQ(cudaStreamWaitEvent(stream, fork, 0), cudaErrorStreamCaptureIsolation);
  expect_invalid();
}

TEST_F(GraphTest, AStreamThatDoesNotComeBackIsAnError) {
  begin();
  order(side, fork, stream);
  add(x.data(), x.data(), y.data(), count, 2, side);
  cudaGraph_t graph = nullptr;
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnjoined);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorIllegalState) << "it has ended";
}

TEST_F(GraphTest, OnlyWhatTheGraphAllocatedIsFreedInIt) {
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, 16, stream), cudaSuccess);
  begin();
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaErrorInvalidValue);
  EXPECT_THAT(take_report_text(),
              HasSubstr("capture: memory is freed in a capture that was not allocated in it"));
  expect_invalid();
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
}

TEST_F(GraphTest, PageableCopiesAreNotCaptured) {
  std::vector<float> values(count);
  begin();
  EXPECT_EQ(cudaMemcpyAsync(x.data(), values.data(), bytes, cudaMemcpyHostToDevice, stream),
            cudaErrorStreamCaptureUnsupported);
  EXPECT_THAT(take_report_text(), HasSubstr("capture: a copy from or to pageable memory is captured"));
  expect_invalid();
}

using GraphDeathTest = GraphTest;

TEST_F(GraphDeathTest, PinnedMemoryIsGuardedAtEachLaunch) {
  void* data = nullptr;
  EXPECT_EQ(cudaHostAlloc(&data, bytes, 0), cudaSuccess);
  auto* const host = static_cast<float*>(data);
  begin();
  EXPECT_EQ(cudaMemcpyAsync(x.data(), host, bytes, cudaMemcpyHostToDevice, stream), cudaSuccess);
  end(1);
  host[0] = 5;
  launch();
  EXPECT_DEATH(host[0] = 6, "host code touches pinned memory while a copy of it is pending");
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  host[0] = 7;
  launch();
  EXPECT_EQ(x.values()[0], 7);
  EXPECT_EQ(cudaFreeHost(data), cudaSuccess);
}

}  // namespace
}  // namespace fornax::sim
