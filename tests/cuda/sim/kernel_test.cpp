#include <numeric>

#include "cuda/sim/fixture.h"
#include "cuda/sim/kernels.h"
#include "fornax/base/error.h"

namespace fornax::sim {
namespace {

using namespace cuda::test;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<float> ascending(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

/// Good kernels in several orders of threads: each test runs with each seed.
class GoodKernel : public SimTest, public testing::WithParamInterface<std::uint64_t> {
 protected:
  GoodKernel() {
    set_thread_order(GetParam());
    if (GetParam() % 2 == 1) set_schedule({Schedule::lazy, GetParam()});
  }
};
INSTANTIATE_TEST_SUITE_P(Orders, GoodKernel, testing::Values(0, 1, 2, 3));

TEST_P(GoodKernel, AddsElements) {
  const std::vector<float> a = ascending(1000);
  const DeviceArray<float> da(a), db(a), sum(1000);
  add(da.data(), db.data(), sum.data(), 1000, 5, stream);
  const std::vector<float> got = sum.values();
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], 2 * a[i]);
}

TEST_P(GoodKernel, SumsRowsByShufflesAndSharedMemory) {
  const DeviceArray<float> in(ascending(3 * 200)), out(3);
  sum_rows(in.data(), out.data(), 3, 200, stream);
  EXPECT_THAT(out.values(), ElementsAre(19900.0f, 59900.0f, 99900.0f));
}

TEST_P(GoodKernel, TransposesByTiles) {
  const DeviceArray<float> in(ascending(20 * 35)), out(20 * 35);
  transpose(in.data(), out.data(), 20, 35, stream);
  const std::vector<float> got = out.values();
  for (std::size_t row = 0; row < 20; ++row)
    for (std::size_t column = 0; column < 35; ++column)
      ASSERT_EQ(got[column * 20 + row], static_cast<float>(row * 35 + column));
}

TEST_P(GoodKernel, CountsByAtomics) {
  std::vector<std::uint8_t> values(5000);
  std::vector<unsigned> expected(256);
  for (std::size_t i = 0; i < values.size(); ++i)
    ++expected[values[i] = static_cast<std::uint8_t>(i * i % 251)];
  const DeviceArray<std::uint8_t> in(values);
  const DeviceArray<unsigned> bins(std::vector<unsigned>(256));
  histogram(in.data(), bins.data(), 5000, stream);
  EXPECT_EQ(bins.values(), expected);
}

TEST_P(GoodKernel, TalksWithinWarps) {
  const DeviceArray<int> out(64 * warp_results);
  warp_words(out.data(), stream);
  const std::vector<int> got = out.values();
  for (int thread = 0; thread < 64; ++thread) {
    const int lane = thread % 32, warp = thread - lane;
    const std::vector<int> mine(got.begin() + thread * warp_results,
                                got.begin() + (thread + 1) * warp_results);
    EXPECT_THAT(mine, ElementsAre(warp + 5,                              //
                                  warp + lane / 8 * 8 + 1,               //
                                  lane < 3 ? thread : thread - 3,        //
                                  lane % 16 < 14 ? thread + 2 : thread,  //
                                  thread ^ 6,                            //
                                  0x49249249,                            //
                                  warp == 32, warp == 0,                 //
                                  8, 1, 0,                               //
                                  lane < 16 ? lane ^ 1 : -1))
        << thread;
  }
}

class BadKernel : public SimTest {
 protected:
  /// The kinds of reports that a launch with this bug makes.
  std::vector<Report> reports_of(Bug bug) {
    launch_with(bug, in.data(), out.data(), stream);
    return take_reports();
  }
  std::string text_of(Bug bug) {
    std::string text;
    for (const Report& report : reports_of(bug)) text += report.kind + ": " + report.text + "\n";
    return text;
  }

  DeviceArray<float> in{ascending(1024)}, out{std::vector<float>(1024)};
};

TEST_F(BadKernel, WithoutABugIsSilent) {
  EXPECT_EQ(text_of(Bug::uses_pointer), "");
  EXPECT_EQ(text_of(Bug::with_syncwarp), "");
}

TEST_F(BadKernel, LeavesThreadsAtABarrier) {
  EXPECT_THAT(
      text_of(Bug::divergent_barrier),
      HasSubstr("barrier-divergence: 100 threads of block 0 wait at a barrier and 0 in a warp operation "
                "(kernels.cu:"));
  // The fibers of the threads that were given up are in order.
  EXPECT_EQ(text_of(Bug::uses_pointer), "");
}

TEST_F(BadKernel, WaitsAtTwoBarriers) {
  EXPECT_THAT(text_of(Bug::two_barriers),
              HasSubstr("barrier-divergence: threads of one block wait at different"));
}

TEST_F(BadKernel, WritesPastSharedMemory) {
  if (has_asan) {
    EXPECT_DEATH(launch_with(Bug::shared_out_of_bounds, in.data(), out.data(), stream), sanitizer_words);
    EXPECT_DEATH(launch_with(Bug::dynamic_shared_out_of_bounds, in.data(), out.data(), stream),
                 sanitizer_words);
    return;
  }
  EXPECT_THAT(text_of(Bug::shared_out_of_bounds), HasSubstr("out-of-bounds: shared"));
  EXPECT_THAT(text_of(Bug::dynamic_shared_out_of_bounds), HasSubstr("out-of-bounds: shared"));
}

TEST_F(BadKernel, WritesPastABlockOfMemory) {
  if (has_asan) {
    EXPECT_DEATH(launch_with(Bug::global_out_of_bounds, in.data(), out.data(), stream), sanitizer_words);
    return;
  }
  EXPECT_THAT(text_of(Bug::global_out_of_bounds), HasSubstr("out-of-bounds: "));
  EXPECT_EQ(text_of(Bug::uses_pointer), "");  // it is reported once
}

TEST_F(BadKernel, AccessesAVectorAtAWrongAddress) {
  EXPECT_THAT(
      text_of(Bug::misaligned),
      HasSubstr("misaligned: block 0 thread 0 accesses 16 bytes at an address that is no multiple of that"));
  EXPECT_EQ(text_of(Bug::uses_pointer), "");
}

TEST_F(BadKernel, ShufflesInADivergentWarp) {
  EXPECT_THAT(text_of(Bug::divergent_shuffle),
              HasSubstr("warp-divergence: 0 threads of block 0 wait at a barrier and "
                        "16 in a warp operation (kernels.cu:"));
}

TEST_F(BadKernel, ShufflesFromOutsideOfTheMask) {
  EXPECT_THAT(text_of(Bug::shuffle_outside_mask), HasSubstr("warp-mask: lane 0 shuffles from lane 20"));
}

TEST_F(BadKernel, GivesAMaskWithoutItself) {
  EXPECT_THAT(text_of(Bug::lane_not_in_mask),
              HasSubstr("warp-mask: lane 8 is not in the mask that it gives"));
}

TEST_F(BadKernel, IsRefusedByTheLimits) {
  EXPECT_THROW(launch_with(Bug::too_many_threads, in.data(), out.data(), stream), CudaError);
  EXPECT_THROW(launch_with(Bug::too_much_shared, in.data(), out.data(), stream), CudaError);
}

using BadKernelDeathTest = BadKernel;

TEST_F(BadKernelDeathTest, OverflowsItsStack) {
  EXPECT_DEATH(launch_with(Bug::endless_recursion, in.data(), out.data(), stream),
               "a kernel overflows its stack.*in endless_recursion block 0 thread 0");
}

TEST_F(BadKernelDeathTest, AccessesNoMemory) {
  EXPECT_DEATH(launch_with(Bug::uses_pointer, nullptr, out.data(), stream),
               has_asan ? sanitizer_words
                        : "a kernel accesses memory that is not there.*in copy_elements block 0 thread 0");
}

TEST_F(BadKernelDeathTest, IsReadByTheHost) {
  EXPECT_DEATH(static_cast<void>(*static_cast<volatile float*>(out.data())),
               "host code touches device memory.*\\(block [0-9]+ of 4096 bytes, \\+ 0\\)");
}

}  // namespace
}  // namespace fornax::sim
