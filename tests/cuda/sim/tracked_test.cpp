// What only tracking finds: skipped in the other flavours.
#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"
#include "cuda/sim/shared_helper.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;
using testing::HasSubstr;
using testing::MatchesRegex;

class TrackedKernel : public SimTest {
 protected:
  void SetUp() override {
    if (!is_tracked()) GTEST_SKIP() << "needs a build with FORNAX_SIM_TRACKED";
  }
  std::string text_of(Bug bug) {
    launch_with(bug, in.data(), out.data(), stream);
    return take_report_text();
  }

  DeviceArray<float> in{std::vector<float>(1024)}, out{std::vector<float>(1024)};
};

TEST_F(TrackedKernel, LacksABarrier) {
  const std::string text = text_of(Bug::missing_barrier);
  EXPECT_THAT(
      text, HasSubstr("race: shared: block 0 thread 128 reads what block 0 thread 127 wrote, with no barrier "
                      "between [kernels.cu:"));
  EXPECT_THAT(text, HasSubstr("in missing_barrier"));
  EXPECT_THAT(text,
              HasSubstr("uninitialised-read: shared memory that nobody wrote is read by block 0 thread 0"));
}

TEST_F(TrackedKernel, OverwritesWhatOthersHaveYetToRead) {
  EXPECT_THAT(text_of(Bug::reads_and_overwrites), HasSubstr(" writes what block 0 thread "));
}

TEST_F(TrackedKernel, RacesInEveryOrderOfThreads) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    set_thread_order(seed);
    EXPECT_THAT(text_of(Bug::missing_barrier), HasSubstr("race: shared: ")) << seed;
    EXPECT_THAT(text_of(Bug::two_blocks_write), HasSubstr("race: global: ")) << seed;
    EXPECT_THAT(text_of(Bug::missing_syncwarp), HasSubstr("race: shared: ")) << seed;
    EXPECT_EQ(text_of(Bug::with_syncwarp), "") << seed;
  }
}

TEST_F(TrackedKernel, WritesOneWordFromTwoBlocks) {
  EXPECT_EQ(text_of(Bug::two_blocks_write).substr(0, 78),
            "race: global: block 1 thread 0 writes what block 0 thread 0 wrote, with no bar");
}

TEST_F(TrackedKernel, MixesAtomicAndPlainAccess) {
  EXPECT_THAT(text_of(Bug::atomic_and_plain), HasSubstr("race: global: "));
}

TEST_F(TrackedKernel, ReadsAHalfWordOfAnotherThread) {
  EXPECT_THAT(text_of(Bug::half_words), HasSubstr("race: global: "));
}

TEST_F(TrackedKernel, LacksASyncwarp) {
  EXPECT_THAT(text_of(Bug::missing_syncwarp), HasSubstr("race: shared: "));
}

TEST_F(TrackedKernel, ReadsWhatNobodyWrote) {
  EXPECT_THAT(
      text_of(Bug::uninitialised_shared),
      HasSubstr(
          "uninitialised-read: shared memory that nobody wrote is read by block 0 thread 63 [kernels.cu:"));
  const DeviceArray<float> fresh(1024);
  launch_with(Bug::uses_pointer, fresh.data(), out.data(), stream);
  EXPECT_THAT(take_report_text(),
              HasSubstr("uninitialised-read: global memory that nobody wrote is read by block 0"));
}

TEST_F(TrackedKernel, GoesAstray) {
  EXPECT_THAT(
      text_of(Bug::shared_out_of_bounds),
      HasSubstr("out-of-bounds: shared memory is written by block 0 thread 63 outside of every allocation "
                "[kernels.cu:"));
  EXPECT_THAT(text_of(Bug::global_out_of_bounds),
              HasSubstr("out-of-bounds: global memory is written by block 8 "
                        "thread 0 outside of every allocation [kernels.cu:"));
}

TEST_F(TrackedKernel, ReadsPastTheEndByLessThanAWord) {
  const DeviceArray<std::uint8_t> bytes(std::vector<std::uint8_t>(5));
  const DeviceArray<unsigned> bins{std::vector<unsigned>(256)};
  histogram(bytes.data(), bins.data(), 6, stream);
  EXPECT_THAT(take_report_text(), HasSubstr("out-of-bounds: global memory is read by block 0 thread 5"));
}

TEST_F(TrackedKernel, UsesFreedMemory) {
  void* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 4096), cudaSuccess);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
  launch_with(Bug::uses_pointer, static_cast<float*>(data), out.data(), stream);
  EXPECT_THAT(take_report_text(),
              HasSubstr("use-after-free: global memory is read by block 0 thread 0 after it was"));
}

TEST_F(TrackedKernel, IsGivenMemoryOfTheHost) {
  std::vector<float> host(1024);
  launch_with(Bug::uses_pointer, host.data(), out.data(), stream);
  EXPECT_THAT(take_report_text(),
              HasSubstr("host-pointer: block 0 thread 0 reads memory of the host [kernels.cu:"));
  static float global[1024];
  launch_with(Bug::uses_pointer, global, out.data(), stream);
  EXPECT_THAT(take_report_text(), HasSubstr("host-pointer: "));
}

TEST_F(TrackedKernel, RacesInAHelperThatTheHostHasToo) {
  const float value = 5;
  EXPECT_EQ(element_on_host(&value, 0), 5);
  EXPECT_THAT(text_of(Bug::race_in_shared_helper), HasSubstr("[shared_helper.h:"));
}

}  // namespace
}  // namespace fornax::sim
