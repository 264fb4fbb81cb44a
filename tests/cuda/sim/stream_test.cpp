#include <numeric>
#include <thread>

#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr int count = 2048;
constexpr std::size_t bytes = count * sizeof(float);

/// A copy stream and a compute stream: x is copied to the device, y = x + x.
class StreamTest : public SimTest {
 protected:
  StreamTest() {
    EXPECT_EQ(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), cudaSuccess);
    EXPECT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
    host_x = pinned();
    host_y = pinned();
    x = device();
    y = device();
    std::iota(host_x, host_x + count, 0.0f);
    cudaMemset(x, 0, bytes);
  }
  ~StreamTest() override {
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    for (float* const data : {x, y}) EXPECT_EQ(cudaFree(data), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(host_x), cudaSuccess);
    EXPECT_EQ(cudaFreeHost(host_y), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
    EXPECT_EQ(cudaStreamDestroy(copies), cudaSuccess);
  }

  static float* pinned() {
    void* data = nullptr;
    EXPECT_EQ(cudaHostAlloc(&data, bytes, cudaHostAllocDefault), cudaSuccess);
    return static_cast<float*>(data);
  }
  static float* device() {
    void* data = nullptr;
    EXPECT_EQ(cudaMalloc(&data, bytes), cudaSuccess);
    return static_cast<float*>(data);
  }

  void copy_in() {
    EXPECT_EQ(cudaMemcpyAsync(x, host_x, bytes, cudaMemcpyHostToDevice, copies), cudaSuccess);
  }
  void record() { EXPECT_EQ(cudaEventRecord(event, copies), cudaSuccess); }
  void wait() { EXPECT_EQ(cudaStreamWaitEvent(stream, event, 0), cudaSuccess); }
  void compute() { add(x, x, y, count, 4, stream); }
  void copy_out() {
    EXPECT_EQ(cudaMemcpyAsync(host_y, y, bytes, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  }
  int wrong_results() const {
    int wrong = 0;
    for (int i = 0; i < count; ++i) wrong += host_y[i] != 2.0f * static_cast<float>(i);
    return wrong;
  }

  cudaStream_t copies = nullptr;
  cudaEvent_t event = nullptr;
  float *host_x = nullptr, *host_y = nullptr, *x = nullptr, *y = nullptr;
};

/// Each scenario in both schedules, with ten seeds.
class StreamScenario : public StreamTest,
                       public testing::WithParamInterface<std::tuple<Schedule::Kind, int>> {
 protected:
  StreamScenario() {
    set_schedule({std::get<0>(GetParam()), static_cast<std::uint64_t>(std::get<1>(GetParam()))});
  }
  /// What is found by tracking must be there if there is any, and nothing else.
  void expect_stream_race() {
    if (is_tracked()) {
      EXPECT_THAT(take_report_text(), StartsWith("stream-race: "));
    } else {
      EXPECT_EQ(take_report_text(), "");
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Schedules, StreamScenario,
                         testing::Combine(testing::Values(Schedule::eager, Schedule::lazy),
                                          testing::Range(1, 11)));

TEST_P(StreamScenario, AnEventOrdersCopyAndCompute) {
  for (int step = 0; step < 3; ++step) {
    copy_in();
    record();
    wait();
    compute();
    copy_out();
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(wrong_results(), 0);
  }
}

TEST_P(StreamScenario, AMissingWaitIsFound) {
  copy_in();
  record();
  compute();
  expect_stream_race();
}

TEST_P(StreamScenario, AnEventRecordedTooEarlyIsFound) {
  record();
  copy_in();
  wait();
  compute();
  expect_stream_race();
}

TEST_P(StreamScenario, AWaitOfTheHostOrdersToo) {
  copy_in();
  EXPECT_EQ(cudaStreamSynchronize(copies), cudaSuccess);
  compute();
}

TEST_P(StreamScenario, WritingWhatAnotherStreamStillReadsIsFound) {
  compute();
  copy_in();  // of the next batch, into memory that is in use
  expect_stream_race();
}

TEST_P(StreamScenario, FreeingWhatAnotherStreamStillReadsIsFound) {
  if (has_asan) GTEST_SKIP() << "AddressSanitizer ends the process where it is found";
  compute();
  EXPECT_EQ(cudaFreeAsync(x, copies), cudaSuccess);
  x = nullptr;
  const std::string text = take_report_text();
  if (is_tracked()) {
    EXPECT_THAT(text, testing::AnyOf(HasSubstr("stream-race: "), HasSubstr("use-after-free: ")));
  }
}

TEST_P(StreamScenario, AReaderIsNotForgottenForALaterOne) {
  cudaMemcpyAsync(host_y, x, bytes, cudaMemcpyDeviceToHost, copies);
  compute();
  EXPECT_EQ(cudaMemsetAsync(x, 0, bytes, stream), cudaSuccess);  // does not wait for the copy
  expect_stream_race();
}

TEST_P(StreamScenario, AllocatedMemoryIsUsableInTheOrderOfItsStream) {
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, bytes, copies), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(data, 0, bytes, copies), cudaSuccess);
  record();
  wait();
  add(static_cast<float*>(data), static_cast<float*>(data), y, count, 4, stream);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_EQ(take_report_text(), "");
}

TEST_P(StreamScenario, AllocatedMemoryUsedOnAnotherStreamIsFound) {
  if (has_asan) GTEST_SKIP() << "AddressSanitizer ends the process where it is found";
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, bytes, copies), cudaSuccess);
  add(x, x, static_cast<float*>(data), count, 4, stream);
  if (is_tracked()) {
    EXPECT_THAT(take_report_text(), testing::AnyOf(HasSubstr("stream-race: "), HasSubstr("out-of-bounds: "),
                                                   HasSubstr("use-after-free: ")));
  } else {
    take_report_text();  // that the guard zone is written by the allocation, maybe
  }
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST_P(StreamScenario, AHostFunctionRunsInOrder) {
  copy_in();
  record();
  wait();
  compute();
  copy_out();
  // It may touch what was copied before it; then the host may too, once it has waited.
  struct Seen {
    const float* data;
    float value;
  } seen{host_y, -1};
  EXPECT_EQ(
      cudaLaunchHostFunc(
          stream, [](void* data) { static_cast<Seen*>(data)->value = static_cast<Seen*>(data)->data[7]; },
          &seen),
      cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(seen.value, 14);
}

TEST_F(StreamTest, LazyOperationsWaitForTheHost) {
  set_schedule({Schedule::lazy, 1});
  compute();
  EXPECT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(cudaEventQuery(event), cudaErrorNotReady);  // one operation was done, not both
  EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream), cudaSuccess);
}

TEST_F(StreamTest, WaitsOfTheHostAreCounted) {
  const int before = host_waits();
  copy_in();
  record();
  wait();
  compute();
  copy_out();
  EXPECT_EQ(host_waits(), before);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(host_waits(), before + 3);
  float value = 0;
  EXPECT_EQ(cudaMemcpyAsync(&value, y, sizeof value, cudaMemcpyDefault, stream), cudaSuccess);
  EXPECT_EQ(host_waits(), before + 4) << "a copy to pageable memory waits";
}

TEST_F(StreamTest, ATraceTellsWhatMayOverlap) {
  start_trace();
  copy_in();
  record();
  wait();
  compute();
  copy_in();  // of the next batch: a race here, which the trace does not mind
  const std::vector<TracedOperation> trace = take_trace();
  take_reports();
  ASSERT_EQ(trace.size(), 5u);
  EXPECT_EQ(trace[0].name, "copy to device");
  EXPECT_EQ(trace[3].name, "add_kernel");
  EXPECT_TRUE(happens_before(trace[0], trace[3]));
  EXPECT_FALSE(happens_before(trace[3], trace[0]));
  EXPECT_FALSE(happens_before(trace[3], trace[4]));
  EXPECT_FALSE(happens_before(trace[4], trace[3]));
  EXPECT_EQ(trace[0].bytes_written, bytes);
  EXPECT_EQ(trace[3].bytes_read, is_tracked() ? bytes : 0) << "distinct bytes";
  EXPECT_EQ(trace[3].bytes_written, is_tracked() ? bytes : 0);
}

TEST_F(StreamTest, PageableMemoryMayBeReusedAtOnce) {
  set_schedule({Schedule::lazy, 1});
  std::vector<float> values(count, 3);
  EXPECT_EQ(cudaMemcpyAsync(x, values.data(), bytes, cudaMemcpyHostToDevice, stream), cudaSuccess);
  values.assign(count, 4);
  compute();
  EXPECT_EQ(cudaMemcpyAsync(values.data(), y, bytes, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(values[5], 6);
}

TEST_F(StreamTest, StreamsOfSeveralThreadsWorkSideBySide) {
  set_schedule({Schedule::lazy, 3});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      cudaStream_t own = nullptr;
      EXPECT_EQ(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), cudaSuccess);
      for (int repeat = 0; repeat < 5; ++repeat) {
        const DeviceArray<float> in(std::vector<float>(500, static_cast<float>(t))), out(500);
        add(in.data(), in.data(), out.data(), 500, 2, own);
        EXPECT_EQ(cudaLaunchHostFunc(
                      own, [](void*) { std::this_thread::yield(); }, nullptr),
                  cudaSuccess);
        EXPECT_EQ(cudaStreamSynchronize(own), cudaSuccess);
        EXPECT_EQ(out.values(), std::vector<float>(500, 2.0f * static_cast<float>(t)));
      }
      EXPECT_EQ(cudaStreamDestroy(own), cudaSuccess);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST_F(StreamTest, MisuseIsReported) {
  EXPECT_EQ(cudaMemsetAsync(x, 0, bytes, nullptr), cudaSuccess);
  EXPECT_EQ(cudaStreamWaitEvent(stream, event, 0), cudaSuccess);
  EXPECT_EQ(cudaMemcpyAsync(x, host_x, bytes, cudaMemcpyDeviceToHost, stream), cudaErrorInvalidValue);
  cudaStream_t gone = nullptr;
  EXPECT_EQ(cudaStreamCreateWithFlags(&gone, cudaStreamNonBlocking), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(gone), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(gone), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaEventDestroy(reinterpret_cast<cudaEvent_t>(&gone)), cudaErrorInvalidResourceHandle);
  EXPECT_EQ(cudaLaunchHostFunc(
                stream, [](void*) { cudaDeviceSynchronize(); }, nullptr),
            cudaSuccess);
  EXPECT_THAT(kinds(), ElementsAre("null-stream", "event-not-recorded", "bad-copy", "bad-handle",
                                   "bad-handle", "host-function"));
}

using StreamDeathTest = StreamTest;

TEST_F(StreamDeathTest, WritesAPinnedBufferBeforeItsCopyIsDone) {
  copy_in();
  EXPECT_EQ(host_x[3], 3) << "reading is allowed";
  EXPECT_DEATH(host_x[3] = 7, "host code touches pinned memory while a copy of it is pending");
  EXPECT_EQ(cudaStreamSynchronize(copies), cudaSuccess);
  host_x[3] = 3;
}

TEST_F(StreamDeathTest, ReadsAPinnedBufferBeforeItsCopyIsDone) {
  copy_in();
  EXPECT_EQ(cudaStreamSynchronize(copies), cudaSuccess);
  compute();
  copy_out();
  EXPECT_DEATH(static_cast<void>(*static_cast<volatile float*>(host_y)),
               "host code touches pinned memory while a copy of it is pending");
  EXPECT_EQ(cudaEventRecord(event, stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_EQ(wrong_results(), 0);
}

TEST_F(StreamDeathTest, PendingCopiesGuardABufferUntilTheLast) {
  copy_in();
  record();
  EXPECT_EQ(cudaMemcpyAsync(y, host_x, bytes, cudaMemcpyHostToDevice, stream), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
  EXPECT_DEATH(host_x[3] = 7, "host code touches pinned memory while a copy of it is pending");
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  host_x[3] = 3;
}

TEST_F(StreamDeathTest, CopiesThatShareAPageDoNotGuardIt) {
  EXPECT_EQ(cudaMemcpyAsync(x, host_x, 64, cudaMemcpyHostToDevice, copies), cudaSuccess);
  host_x[100] = 7;
}

}  // namespace
}  // namespace fornax::sim
