#include "fornax/device/host_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "fornax/base/error.h"

namespace fornax {
namespace {

TEST(HostMemory, BlocksOfEverySizeAreAlignedAndWritableToTheirEnd) {
  for (std::size_t bytes = 0; bytes < 5'000'000; bytes = bytes * 5 / 4 + 1) {
    void* data = allocate_host(bytes);
    ASSERT_NE(data, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % 64, 0u) << bytes;
    std::memset(data, 1, bytes);
    free_host(data, bytes);
  }
}

TEST(HostMemory, HandsAFreedBlockOutAgain) {
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{5'000'000}}) {
    void* data = allocate_host(bytes);
    free_host(data, bytes);
    const std::size_t misses = host_memory_stats().misses;
    void* again = allocate_host(bytes);
    EXPECT_EQ(again, data);
    EXPECT_EQ(host_memory_stats().misses, misses);
    free_host(again, bytes);
  }
}

TEST(HostMemory, LosesAtMostAnEighthToItsSizeClasses) {
  for (std::size_t bytes = 513; bytes < 100'000'000; bytes = bytes * 9 / 8 + 7) {
    const std::size_t before = host_memory_stats().in_use;
    void* data = allocate_host(bytes);
    const std::size_t taken = host_memory_stats().in_use - before;
    EXPECT_GE(taken, bytes);
    EXPECT_LE(taken, bytes + bytes / 8 + 64);
    free_host(data, bytes);
  }
}

TEST(HostMemory, EmptyingTheCacheReturnsEverythingThatIsNotInUse) {
  void* kept = allocate_host(1000);
  free_host(allocate_host(3'000'000), 3'000'000);
  empty_host_cache();
  EXPECT_EQ(host_memory_stats().reserved, host_memory_stats().in_use);
  free_host(kept, 1000);
}

TEST(HostMemory, PeakFollowsTheHighestUse) {
  reset_peak_host_memory();
  const std::size_t before = host_memory_stats().peak_in_use;
  free_host(allocate_host(1 << 20), 1 << 20);
  EXPECT_EQ(host_memory_stats().peak_in_use, before + (1 << 20));
  EXPECT_EQ(host_memory_stats().in_use, before);
}

TEST(HostMemory, RunningOutIsATypedErrorAfterWhichSmallerRequestsSucceed) {
  try {
    allocate_host(std::size_t{1} << 47);
    FAIL();
  } catch (const OutOfMemory& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("[host memory] expected 140737488355328 more bytes"));
  }
  EXPECT_THROW(allocate_host(~std::size_t{0}), OutOfMemory);
  free_host(allocate_host(64), 64);
}

TEST(HostMemory, BlocksMayBeFreedByAnotherThreadAlsoWhileItEnds) {
  std::vector<void*> blocks(1000);
  std::thread([&] {
    for (void*& block : blocks) block = allocate_host(256);
  }).join();
  std::thread([&] {
    for (void* block : blocks) free_host(block, 256);
  }).join();
  const std::size_t misses = host_memory_stats().misses;
  for (void*& block : blocks) block = allocate_host(256);
  EXPECT_EQ(host_memory_stats().misses, misses);
  for (void* block : blocks) free_host(block, 256);
}

}  // namespace
}  // namespace fornax
