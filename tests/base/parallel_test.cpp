#include "fornax/base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fornax/base/error.h"

namespace fornax {
namespace {

class Parallel : public ::testing::TestWithParam<int> {
 protected:
  Parallel() : before_(num_threads()) { set_num_threads(GetParam()); }
  ~Parallel() override { set_num_threads(before_); }

 private:
  int before_;
};
INSTANTIATE_TEST_SUITE_P(Threads, Parallel, ::testing::Values(1, 2, 3, 8),
                         ::testing::PrintToStringParamName());

TEST_P(Parallel, VisitsEveryIndexOnceInPiecesOfAtLeastTheGrain) {
  for (const std::int64_t count : {0, 1, 5, 64, 1000}) {
    for (const std::int64_t grain : {1, 7, 2000}) {
      std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
      parallel_for(100, 100 + count, grain, [&](std::int64_t first, std::int64_t last) {
        EXPECT_GE(last - first, std::min(grain, count));
        for (std::int64_t i = first; i < last; ++i) visits[static_cast<std::size_t>(i - 100)]++;
      });
      for (const auto& n : visits) EXPECT_EQ(n, 1);
    }
  }
}

TEST_P(Parallel, ManyShortLoopsInARowLoseNoWork) {
  std::atomic<std::int64_t> sum = 0;
  for (int round = 0; round < 3000; ++round) {
    parallel_for(0, 16, 1, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
  }
  EXPECT_EQ(sum, 3000 * 16);
}

TEST_P(Parallel, NestedLoopsRunInline) {
  std::atomic<int> sum = 0;
  parallel_for(0, 16, 1, [&](std::int64_t, std::int64_t) {
    const std::thread::id outer = std::this_thread::get_id();
    parallel_for(0, 100, 1, [&](std::int64_t first, std::int64_t last) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      sum += static_cast<int>(last - first);
    });
  });
  EXPECT_EQ(sum % 100, 0);
  EXPECT_GT(sum, 0);
}

TEST_P(Parallel, TwoUserThreadsMayComputeAtOnce) {
  std::atomic<std::int64_t> sum = 0;
  const auto work = [&] {
    for (int round = 0; round < 500; ++round) {
      parallel_for(0, 64, 1, [&](std::int64_t first, std::int64_t last) { sum += last - first; });
    }
  };
  std::thread other(work);
  work();
  other.join();
  EXPECT_EQ(sum, 2 * 500 * 64);
}

TEST_P(Parallel, AnExceptionOfAPieceReachesTheCallerAndThePoolGoesOn) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(parallel_for(0, 64, 1,
                              [](std::int64_t first, std::int64_t last) {
                                if (first <= 40 && 40 < last) throw std::out_of_range("index 40");
                              }),
                 std::out_of_range);
  }
  std::atomic<int> visits = 0;
  parallel_for(0, 64, 1,
               [&](std::int64_t first, std::int64_t last) { visits += static_cast<int>(last - first); });
  EXPECT_EQ(visits, 64);
}

TEST_P(Parallel, SerialGuardKeepsAThreadsLoopsOnThatThread) {
  const SerialGuard guard;
  int pieces = 0;
  parallel_for(0, 1000, 1, [&](std::int64_t, std::int64_t) { ++pieces; });
  EXPECT_EQ(pieces, 1);
}

TEST_P(Parallel, TheNumberOfThreadsCanChangeBetweenAndInsideLoops) {
  std::atomic<int> visits = 0;
  for (const int threads : {2, 5, 1, 3}) {
    set_num_threads(threads);
    parallel_for(0, 64, 1, [&](std::int64_t first, std::int64_t last) {
      set_num_threads(threads);
      visits += static_cast<int>(last - first);
    });
  }
  EXPECT_EQ(visits, 4 * 64);
}

TEST(NumThreads, RefusesLessThanOne) {
  try {
    set_num_threads(0);
    FAIL();
  } catch (const ValueError& e) {
    EXPECT_STREQ(e.what(), "[set_num_threads] expected 1 to 1024 threads, got 0");
  }
}

}  // namespace
}  // namespace fornax
