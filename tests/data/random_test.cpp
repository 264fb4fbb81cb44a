#include "fornax/data/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace fornax::data {
namespace {

TEST(SampleRandom, DependsOnSeedEpochAndIndexAlone) {
  const auto first = [](std::uint64_t seed, std::int64_t epoch, std::int64_t index) {
    return EpochRandom{seed, epoch}.sample(index).bits();
  };
  EXPECT_EQ(first(1, 2, 3), first(1, 2, 3));
  EXPECT_EQ((std::set{first(1, 2, 3), first(2, 2, 3), first(1, 3, 3), first(1, 2, 4), first(3, 2, 1)}).size(),
            5u);
}

TEST(SampleRandom, GivesNewNumbersAsItGoes) {
  SampleRandom random = EpochRandom{7, 0}.sample(0);
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.bits());
  EXPECT_GT(seen.size(), 998u);
}

TEST(SampleRandom, IntegersAreEvenlySpreadOverTheirRange) {
  SampleRandom random = EpochRandom{7, 0}.whole();
  std::vector<int> count(7);
  for (int i = 0; i < 70'000; ++i) ++count.at(static_cast<std::size_t>(random.below(7)));
  for (const int n : count) EXPECT_NEAR(n, 10'000, 400);
  EXPECT_EQ(random.below(1), 0);
  EXPECT_LT(random.below(std::int64_t{1} << 32), std::int64_t{1} << 32);
}

TEST(SampleRandom, UniformNumbersFillTheUnitInterval) {
  SampleRandom random = EpochRandom{7, 0}.sample(5);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const float value = random.uniform();
    ASSERT_GE(value, 0.f);
    ASSERT_LT(value, 1.f);
    sum += value;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

}  // namespace
}  // namespace fornax::data
