#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;
using testing::ElementsAre;
using testing::HasSubstr;

class MemoryTest : public SimTest {
 protected:
  void* allocate(std::size_t bytes) {
    void* data = nullptr;
    EXPECT_EQ(cudaMallocAsync(&data, bytes, stream), cudaSuccess);
    return data;
  }
  static std::uint64_t pool_attribute(cudaMemPoolAttr attribute) {
    cudaMemPool_t pool = nullptr;
    EXPECT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
    std::uint64_t value = 0;
    EXPECT_EQ(cudaMemPoolGetAttribute(pool, attribute, &value), cudaSuccess);
    return value;
  }
};

TEST_F(MemoryTest, FreshAndFreedMemoryIsPoisoned) {
  const DeviceArray<unsigned> fresh(3);
  const HostAccess access;
  EXPECT_EQ(fresh.data()[0], 0xffffffffu);
}

TEST_F(MemoryTest, MemoryIsCountedWhenItIsAskedForAndFreed) {
  set_schedule({Schedule::lazy, 1});
  const std::uint64_t before = pool_attribute(cudaMemPoolAttrUsedMemCurrent);
  void* const data = allocate(1000);
  EXPECT_EQ(pool_attribute(cudaMemPoolAttrUsedMemCurrent), before + 1024);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_EQ(pool_attribute(cudaMemPoolAttrUsedMemCurrent), before);
  EXPECT_GE(pool_attribute(cudaMemPoolAttrUsedMemHigh), before + 1024);
  EXPECT_GE(pool_attribute(cudaMemPoolAttrReservedMemCurrent), before + 1024);
  cudaMemPool_t pool = nullptr;
  EXPECT_EQ(cudaDeviceGetDefaultMemPool(&pool, 0), cudaSuccess);
  EXPECT_EQ(cudaMemPoolTrimTo(pool, 0), cudaSuccess);
  EXPECT_EQ(pool_attribute(cudaMemPoolAttrReservedMemCurrent), before);
}

TEST_F(MemoryTest, TheLimitIsKept) {
  set_memory_limit(1 << 20);
  void* data = nullptr;
  EXPECT_EQ(cudaMallocAsync(&data, 2 << 20, stream), cudaErrorMemoryAllocation);
  EXPECT_EQ(data, nullptr);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(cudaFreeAsync(allocate(900 << 10), stream), cudaSuccess);
  std::size_t free = 0, total = 0;
  EXPECT_EQ(cudaMemGetInfo(&free, &total), cudaSuccess);
  EXPECT_EQ(total, 1u << 20);
}

TEST_F(MemoryTest, AddressesAreReusedOnlyAfterLong) {
  constexpr std::size_t bytes = std::size_t{2} << 20;
  std::map<void*, int> last_use;
  int reused = 0;
  for (int i = 0; i < 80; ++i) {
    void* const data = allocate(bytes);
    const auto [use, is_new] = last_use.try_emplace(data, i);
    if (!is_new) {
      ++reused;
      EXPECT_GT(i - use->second, 30);
      use->second = i;
    }
    EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  }
  EXPECT_GT(reused, 0);
}

TEST_F(MemoryTest, WrongFreesAreReported) {
  void* const data = allocate(100);
  EXPECT_EQ(cudaFreeAsync(static_cast<char*>(data) + 4, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeAsync(&stream, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeHost(&stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_EQ(cudaFree(data), cudaErrorInvalidValue);
  EXPECT_EQ(take_report_text(),
            "bad-free: what is freed is the inside of a block, not its begin\n"
            "bad-free: what is freed is no device memory\n"
            "bad-free: what is freed is no pinned memory\n"
            "bad-free: a block is freed a second time\n");
}

TEST_F(MemoryTest, CopiesAreHeldAgainstTheirBlocks) {
  void* const data = allocate(100);
  std::vector<char> host(200);
  EXPECT_EQ(cudaMemcpyAsync(data, host.data(), 101, cudaMemcpyDefault, stream), cudaSuccess);
  EXPECT_THAT(take_report_text(), HasSubstr("out-of-bounds: writes bytes 0 to 101 of block"));
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(data, 0, 1, stream), cudaSuccess);
  EXPECT_THAT(take_report_text(), HasSubstr("use-after-free: writes block"));
}

TEST_F(MemoryTest, WhatIsAliveIsListed) {
  const std::size_t before = live_allocations().size();
  void* const data = allocate(100);
  void* pinned = nullptr;
  EXPECT_EQ(cudaHostAlloc(&pinned, 50, cudaHostAllocDefault), cudaSuccess);
  EXPECT_EQ(live_allocations().size(), before + 2);
  EXPECT_TRUE(live_allocations().back().is_pinned);
  cudaPointerAttributes attributes{};
  EXPECT_EQ(cudaPointerGetAttributes(&attributes, data), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  EXPECT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  EXPECT_EQ(cudaPointerGetAttributes(&attributes, &stream), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeAsync(data, stream), cudaSuccess);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
  EXPECT_EQ(live_allocations().size(), before);
}

TEST_F(MemoryTest, DevicesHaveTheirOwn) {
  set_device_count(2);
  EXPECT_EQ(cudaSetDevice(1), cudaSuccess);
  void *here = nullptr, *there = nullptr;
  EXPECT_EQ(cudaMalloc(&here, 16), cudaSuccess);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&there, 16), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(here, 1, 16, stream), cudaSuccess);
  EXPECT_EQ(cudaMemcpyPeerAsync(there, 0, here, 1, 16, stream), cudaSuccess);
  char byte = 0;
  EXPECT_EQ(cudaMemcpyAsync(&byte, there, 1, cudaMemcpyDefault, stream), cudaSuccess);
  EXPECT_EQ(byte, 1);
  if (is_tracked()) {
    add(static_cast<float*>(here), static_cast<float*>(here), static_cast<float*>(there), 4, 1, stream);
    EXPECT_THAT(take_report_text(),
                HasSubstr("wrong-device: a kernel of device 0 accesses memory of device 1"));
  }
  EXPECT_EQ(cudaFree(here), cudaSuccess);
  EXPECT_EQ(cudaFree(there), cudaSuccess);
  set_device_count(1);
}

// ---- Work of libraries

TEST_F(MemoryTest, StandInsDeclareWhatTheyTouch) {
  const DeviceArray<float> in(std::vector<float>(10)), out(10);
  start_trace();
  EXPECT_EQ(enqueue_host_op("product", stream,
                            [&] {
                              EXPECT_TRUE(touch(in.data(), 40, Access::read));
                              EXPECT_TRUE(touch(out.data(), 40, Access::write));
                              for (int i = 0; i < 10; ++i) out.data()[i] = in.data()[i] + 1;
                              EXPECT_FALSE(touch(out.data(), 44, Access::write));
                            }),
            cudaSuccess);
  const std::vector<TracedOperation> trace = take_trace();
  ASSERT_EQ(trace.size(), 1u);
  EXPECT_EQ(trace[0].name, "product");
  EXPECT_EQ(trace[0].bytes_read, 40u);
  EXPECT_EQ(trace[0].bytes_written, 40u) << "distinct ones";
  EXPECT_THAT(take_report_text(), HasSubstr("out-of-bounds: writes bytes 0 to 44"));
  EXPECT_EQ(out.values(), std::vector<float>(10, 1));
}

}  // namespace
}  // namespace fornax::sim
