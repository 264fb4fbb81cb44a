#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"
#include "fornax/base/error.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;

class FaultTest : public SimTest {};

TEST_F(FaultTest, TheNthCallFails) {
  fail_at("cudaMalloc", 2);
  void *first = nullptr, *second = nullptr;
  EXPECT_EQ(cudaMalloc(&first, 16), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&second, 16), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(cudaMalloc(&second, 16), cudaSuccess);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
}

TEST_F(FaultTest, ALaunchThatFailsDoesNothing) {
  const DeviceArray<float> x(std::vector<float>(8, 1)), y(std::vector<float>(8, 5));
  fail_at("launch", 1);
  EXPECT_THROW(add(x.data(), x.data(), y.data(), 8, 1, stream), CudaError);
  EXPECT_EQ(y.values(), std::vector<float>(8, 5));
  add(x.data(), x.data(), y.data(), 8, 1, stream);
  EXPECT_EQ(y.values(), std::vector<float>(8, 2));
}

TEST_F(FaultTest, EveryPositionCanBeFound) {
  const auto step = [&] {
    const DeviceArray<float> x(std::vector<float>(8, 1));
    add(x.data(), x.data(), x.data(), 8, 1, stream);
    add(x.data(), x.data(), x.data(), 8, 1, stream);
    return x.values()[0];
  };
  const std::size_t alive = live_allocations().size();
  clear_call_counts();
  EXPECT_EQ(step(), 4);
  const int launches = call_count("launch");
  EXPECT_EQ(launches, 2);
  EXPECT_EQ(call_counts().at("cudaMalloc"), 1);
  for (int position = 1; position <= launches; ++position) {
    fail_at("launch", position);
    EXPECT_THROW(step(), CudaError);
    EXPECT_EQ(step(), 4);
  }
  EXPECT_EQ(live_allocations().size(), alive);
}

TEST_F(FaultTest, ALostDeviceReturnsItsErrorUntilReset) {
  const std::size_t alive = live_allocations().size();
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 16), cudaSuccess);
  fail_at("cudaMemsetAsync", 1, cudaErrorIllegalAddress);
  EXPECT_EQ(cudaMemsetAsync(data, 0, 16, stream), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaGetLastError(), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaFree(data), cudaErrorIllegalAddress);
  EXPECT_EQ(live_allocations().size(), alive) << "what is freed on a lost device is no leak";
  reset();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(FaultTest, AKernelLosesTheDeviceWhenItRuns) {
  set_schedule({Schedule::lazy, 1});
  const DeviceArray<float> x(std::vector<float>(8, 1));
  fail_at("launch", 1, cudaErrorIllegalAddress);
  add(x.data(), x.data(), x.data(), 8, 1, stream);
  EXPECT_EQ(cudaMemsetAsync(x.data(), 0, 16, stream), cudaSuccess) << "nothing has run yet";
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorIllegalAddress);
  EXPECT_EQ(cudaMemsetAsync(x.data(), 0, 16, stream), cudaErrorIllegalAddress);
  reset();
}

TEST_F(FaultTest, LibrariesAskWhetherTheyFail) {
  fail_at("cublasGemmEx", 2);
  EXPECT_FALSE(library_call_fails("cublasGemmEx"));
  EXPECT_TRUE(library_call_fails("cublasGemmEx"));
  EXPECT_FALSE(library_call_fails("cublasGemmEx"));
  EXPECT_EQ(call_count("cublasGemmEx"), 3);
}

TEST_F(FaultTest, ErrorsHaveNames) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorMemoryAllocation), "cudaErrorMemoryAllocation");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_STREQ(cudaGetErrorName(static_cast<cudaError_t>(12345)), "unrecognized error code");
}

using FaultDeathTest = FaultTest;

TEST_F(FaultDeathTest, WhatNobodyTookIsTheExitStatus) {
  EXPECT_EXIT(
      {
        cudaMemsetAsync(nullptr, 0, 0, nullptr);
        std::exit(0);
      },
      testing::ExitedWithCode(66), "SIMULATED DEVICE: null-stream: ");
}

}  // namespace
}  // namespace fornax::sim
