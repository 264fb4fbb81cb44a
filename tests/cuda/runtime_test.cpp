// Devices, streams, events and memory of the CUDA backend.
#include <cuda_runtime.h>
#include <fmt/core.h>

#include <optional>

#include "cuda/device_test.h"
#include "fornax/base/error.h"
#include "fornax/cuda/memory.h"
#include "fornax/cuda/stream.h"
#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/conv2d.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/transfer.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;

class CudaRuntime : public test::DeviceTest {};

TEST_F(CudaRuntime, BestDeviceIsTheFirstGpu) {
  std::string reason;
  EXPECT_EQ(best_device(&reason), Device::cuda(0));
  EXPECT_EQ(reason, "cuda:0 works");
}

TEST_F(CudaRuntime, ADeviceThatDoesNotExistIsNamed) {
  const int count = device_count(DeviceType::cuda);
  EXPECT_EQ(error_of<DeviceError>([&] { zeros({2}, {.device = Device::cuda(count)}); }),
            fmt::format("[device] expected one of {0} CUDA devices, got cuda:{0}", count));
}

TEST_F(CudaRuntime, ValuesMakeTheWayToTheDeviceAndBack) {
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6}).view({2, 3});
  const Tensor there = x.to(device_);
  EXPECT_EQ(there.device(), device_);
  EXPECT_EQ(there.to(Device::cpu()).to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(there.mT().to(Device::cpu()).to_vector<float>(), x.mT().to_vector<float>());
  EXPECT_EQ(sum(there).item(), 21);
}

TEST_F(CudaRuntime, MemoryIsCountedAndGivenBack) {
  const auto before = cuda::memory_stats(device_);
  const std::size_t available = cuda::available_memory(device_);
  {
    const Tensor x = empty({1 << 18}, {.device = device_});
    EXPECT_EQ(cuda::available_memory(device_), available - (1 << 20));
    const auto now = cuda::memory_stats(device_);
    EXPECT_GE(now.in_use, before.in_use + (1 << 20));
    EXPECT_GE(now.peak_in_use, now.in_use);
    EXPECT_GE(now.reserved, now.in_use);
    const auto by_stream = cuda::memory_by_stream(device_);
    EXPECT_GE(by_stream.at(cuda::native_handle(current_stream(device_))), std::size_t{1} << 20);
  }
  current_stream(device_).synchronize();
  EXPECT_EQ(cuda::memory_stats(device_).in_use, before.in_use);
  cuda::empty_cache(device_);
  EXPECT_LE(cuda::memory_stats(device_).reserved, before.reserved);
}

TEST_F(CudaRuntime, WorkOnAnotherStreamWaitsForTheHomeAndTheHomeForIt) {
  const Stream side = cuda::stream_from_pool(device_);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    Tensor x = full({1000}, 3, {.device = device_});
    {
      const StreamGuard guard(side);
      x *= 2;  // waits for the fill on the home stream
    }
    const Tensor y = x + 1;  // waits for the product on the side stream
    EXPECT_EQ(y.to(Device::cpu()).to_vector<float>(), std::vector<float>(1000, 7)) << "seed " << seed;
    { const Tensor gone = std::move(x); }  // freed after both
  }
}

TEST_F(CudaRuntime, CopiesToTheHostWaitForTheStreamThatMadeTheValues) {
  const Stream side = cuda::stream_from_pool(device_);
  const auto made_aside = [&](bool is_at_home_here) {
    const TensorOptions options{.device = device_};
    Tensor x = is_at_home_here ? empty({1000}, options) : Tensor();
    const StreamGuard guard(side);
    return is_at_home_here ? x.fill_(3) : full({1000}, 3, options);
  };
  const std::vector<float> want(1000, 3);
  for (std::uint64_t seed = 1; seed <= last_seed; ++seed) {
    reorder(seed);
    for (const bool is_at_home_here : {false, true}) {
      const Tensor first = made_aside(is_at_home_here);
      EXPECT_EQ(HostCopy(first).get().to_vector<float>(), want) << "seed " << seed;
      const Tensor second = made_aside(is_at_home_here);
      EXPECT_EQ(second.to(Device::cpu()).to_vector<float>(), want) << "seed " << seed;
    }
  }
}

#if defined(FORNAX_SIM)  // what only the simulated device can arrange

TEST_F(CudaRuntime, OutOfMemorySaysWhatWasAskedAndHeldAndASmallerRequestSucceeds) {
  sim::set_memory_limit(std::size_t{8} << 20);
  const std::string message = error_of<OutOfMemory>([&] { empty({1 << 24}, {.device = device_}); });
  EXPECT_THAT(message,
              testing::MatchesRegex("\\[cuda memory\\] expected 67108864 more bytes on cuda:0, got none; "
                                    "in use [0-9]+, held [0-9]+, free [0-9]+ of [0-9]+"));
  EXPECT_EQ(sum(ones({16}, {.device = device_})).item(), 16);
}

TEST_F(CudaRuntime, AnEventMarksAPointThatStreamsAndTheHostWaitFor) {
  sim::set_schedule({sim::Schedule::lazy, 3});
  const Stream side = cuda::stream_from_pool(device_, cuda::StreamPriority::high);
  const Tensor x = ones({64}, {.device = device_});
  const Event made(current_stream(device_));
  EXPECT_FALSE(made.is_done());
  made.wait_on(side);
  made.synchronize();
  EXPECT_TRUE(made.is_done());
}

TEST_F(CudaRuntime, HostCopyIsReadLaterWithoutAWaitForTheStepAfterIt) {
  sim::set_schedule({sim::Schedule::lazy, 5});
  const Tensor loss = full({}, 0.5, {.device = device_});
  const int waits = sim::host_waits();
  const HostCopy copy(loss);
  EXPECT_FALSE(copy.is_done());
  EXPECT_EQ(sim::host_waits(), waits);
  EXPECT_EQ(copy.get().item(), 0.5);
  EXPECT_TRUE(copy.is_done());
}

TEST_F(CudaRuntime, PinnedMemoryIsHandedOutAgainOnlyAfterItsCopies) {
  sim::set_schedule({sim::Schedule::lazy, 7});
  Tensor there;
  const void* first = nullptr;
  {
    const Tensor pinned = pin_memory(full({4096}, 1));
    EXPECT_TRUE(pinned.storage()->is_pinned());
    first = pinned.storage()->data();
    there = pinned.to(device_);
  }
  const Tensor other = pin_memory(full({4096}, 2));  // the copy has not run yet
  EXPECT_NE(other.storage()->data(), first);
  EXPECT_EQ(sum(there).item(), 4096);
  const Tensor again = pin_memory(full({4096}, 3));
  EXPECT_EQ(again.storage()->data(), first);
}

TEST_F(CudaRuntime, AFailedCallIsATypedErrorThatNamesIt) {
  sim::fail_at("cudaMemcpyAsync", 1, cudaErrorInvalidValue);
  const Tensor x = ones({4});
  EXPECT_THAT(error_of<CudaError>([&] { x.to(device_); }),
              testing::StartsWith("[cudaMemcpyAsync] expected success, got cudaErrorInvalidValue"));
  EXPECT_EQ(sum(x.to(device_)).item(), 4);  // recoverable
}

TEST_F(CudaRuntime, ALostDeviceIsNamedByEveryLaterCall) {
  sim::fail_at("cudaMemcpyAsync", 1, cudaErrorIllegalAddress);
  const Tensor x = ones({4});
  EXPECT_THAT(error_of<DeviceLost>([&] { x.to(device_); }), testing::HasSubstr("[cudaMemcpyAsync]"));
  EXPECT_THAT(error_of<DeviceLost>([&] { ones({4}, {.device = device_}); }),
              testing::HasSubstr("the device was lost by cudaErrorIllegalAddress"));
}

TEST_F(CudaRuntime, WhatAKernelEnqueuesLiesInARangeNamedByItsOpAndItself) {
  const Tensor x = ones({2, 8, 6, 6}, {.device = device_}), w = ones({4, 8, 3, 3}, {.device = device_});
  for (const bool forced : {false, true}) {
    std::optional<dispatch::KernelGuard> guard;
    if (forced) guard.emplace("conv2d", "implicit_gemm");
    std::vector<std::string> decided, ranges;
    dispatch::set_decision_log(
        [](void* list, const dispatch::Decision& decision) {
          if (!decision.refusal)
            static_cast<std::vector<std::string>*>(list)->push_back(
                fmt::format("{}/{}", decision.op, decision.kernel));
        },
        &decided);
    sim::start_trace();
    const Tensor y = relu(conv2d(x, w)) + 1;
    dispatch::set_decision_log(nullptr, nullptr);
    y.to(Device::cpu());
    bool copied_outside = false;
    for (const sim::TracedOperation& operation : sim::take_trace()) {
      if (operation.range.empty())
        copied_outside |= operation.name == "copy to host";
      else if (ranges.empty() || ranges.back() != operation.range)
        ranges.push_back(operation.range);
    }
    EXPECT_EQ(ranges, decided);
    EXPECT_THAT(ranges, testing::Contains(testing::StartsWith(forced ? "conv2d/implicit_gemm" : "conv2d/")));
    EXPECT_TRUE(copied_outside);
  }
}

TEST_F(CudaRuntime, ARangeEndsWithAKernelThatFails) {
  const Tensor x = ones({4}, {.device = device_});
  sim::fail_at("launch", 1);
  EXPECT_THROW(x * 2, CudaError);
  sim::start_trace();
  x.to(Device::cpu());
  const std::vector<sim::TracedOperation> trace = sim::take_trace();
  EXPECT_FALSE(trace.empty());
  for (const sim::TracedOperation& operation : trace) EXPECT_EQ(operation.range, "");
}

#endif

}  // namespace
}  // namespace fornax
