#include "fornax/data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "support/error_of.h"

namespace fornax::data {
namespace {

using testing::ElementsAre;
using Indices = std::vector<std::int64_t>;

constexpr EpochRandom epoch0{.seed = 6, .epoch = 0}, epoch1{.seed = 6, .epoch = 1};

Indices sorted(Indices indices) {
  std::ranges::sort(indices);
  return indices;
}

TEST(SubsetRandomSampler, GivesItsIndicesInAnOrderOfTheEpoch) {
  Indices indices(20);
  for (std::size_t i = 0; i < 20; ++i) indices[i] = static_cast<std::int64_t>(3 * i);
  const Sampler sampler = subset_random_sampler(indices);
  EXPECT_EQ(sorted(sampler(100, epoch0)), indices);
  EXPECT_EQ(sampler(100, epoch0), sampler(100, epoch0));
  EXPECT_NE(sampler(100, epoch0), sampler(100, epoch1));
}

TEST(WeightedRandomSampler, DrawsInProportionToTheWeights) {
  const Indices drawn = weighted_random_sampler({0, 1, 0, 2, 5, 0}, 80'000)(6, epoch0);
  EXPECT_EQ(drawn.size(), 80'000u);
  std::vector<double> shares(6);
  for (const std::int64_t index : drawn) shares.at(static_cast<std::size_t>(index)) += 1. / 80'000;
  const std::vector<double> expected{0, 0.125, 0, 0.25, 0.625, 0};
  for (std::size_t i = 0; i < 6; ++i) EXPECT_NEAR(shares[i], expected[i], 0.01);
  EXPECT_EQ(shares[0] + shares[2] + shares[5], 0);
  EXPECT_EQ(weighted_random_sampler({0, 1, 0, 2, 5, 0}, 80'000)(6, epoch0), drawn);
  EXPECT_NE(weighted_random_sampler({0, 1, 0, 2, 5, 0}, 80'000)(6, epoch1), drawn);
}

TEST(WeightedRandomSampler, WithoutReplacementDrawsFromThoseThatAreLeft) {
  const Sampler sampler = weighted_random_sampler({1, 0, 3, 1}, 2, false);
  int first_is_2 = 0, has_2 = 0;
  constexpr int epochs = 20'000;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    const Indices drawn = sampler(4, {.seed = 1, .epoch = epoch});
    ASSERT_EQ(std::set(drawn.begin(), drawn.end()).size(), 2u);
    ASSERT_FALSE(std::ranges::count(drawn, 1));
    first_is_2 += drawn[0] == 2;
    has_2 += drawn[0] == 2 || drawn[1] == 2;
  }
  EXPECT_NEAR(1. * first_is_2 / epochs, 0.6, 0.02);
  EXPECT_NEAR(1. * has_2 / epochs, 0.6 + 0.4 * 0.75, 0.02);
  EXPECT_EQ(sorted(weighted_random_sampler({1, 0, 3, 1}, 3, false)(4, epoch0)), (Indices{0, 2, 3}));
}

TEST(WeightedRandomSampler, RefusesWeightsThatMakeNoSense) {
  const auto refusal = [](std::vector<double> weights, std::int64_t count, bool replacement) {
    return test::error_of<ValueError>([&] { weighted_random_sampler(weights, count, replacement); });
  };
  const std::string weights =
      "[weighted_random_sampler] expected finite weights of 0 or more, not all of them 0, got others";
  EXPECT_EQ(refusal({0, 0}, 1, true), weights);
  EXPECT_EQ(refusal({}, 0, true), weights);
  EXPECT_EQ(refusal({1, -1}, 1, true), weights);
  EXPECT_EQ(refusal({1, std::numeric_limits<double>::quiet_NaN()}, 1, true), weights);
  EXPECT_EQ(refusal({1, std::numeric_limits<double>::infinity()}, 1, true), weights);
  EXPECT_EQ(refusal({1, 0}, -1, true), "[weighted_random_sampler] expected a count of 0 or more, got -1");
  EXPECT_EQ(refusal({1, 0}, 2, false),
            "[weighted_random_sampler] expected a count from 0 to 1, the weights above 0, got 2");
  EXPECT_EQ(test::error_of<ValueError>([] {
              weighted_random_sampler({1, 2}, 1)(3, epoch0);
            }),
            "[weighted_random_sampler] expected a weight for each of 3 samples, got 2");
}

TEST(ShardSampler, ShufflesShardsAndTheSamplesOfAFewAtATime) {
  const Indices sizes{5, 0, 7, 1, 6, 5};
  const Sampler sampler = shard_sampler(sizes, 2);
  const auto shard_of = [&](std::int64_t index) {
    std::size_t shard = 0;
    for (std::int64_t end = sizes[0]; index >= end; end += sizes[++shard]) {
    }
    return shard;
  };
  bool is_mixed = false;
  for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
    const Indices order = sampler(24, {.seed = 1, .epoch = epoch});
    ASSERT_EQ(sorted(order), sequential_sampler(24, epoch0));
    // Never are samples of more than two shards under way, and whoever comes back was not at its end.
    std::set<std::size_t> open;
    std::map<std::size_t, std::int64_t> left;
    for (std::size_t shard = 0; shard < sizes.size(); ++shard) left[shard] = sizes[shard];
    std::size_t before = sizes.size();
    for (const std::int64_t index : order) {
      const std::size_t shard = shard_of(index);
      is_mixed |= open.contains(shard) && before != shard;
      before = shard;
      open.insert(shard);
      ASSERT_LE(open.size(), 2u);
      if (--left[shard] == 0) open.erase(shard);
    }
  }
  EXPECT_TRUE(is_mixed);
  EXPECT_EQ(sampler(24, epoch0), sampler(24, epoch0));
  EXPECT_NE(sampler(24, epoch0), sampler(24, epoch1));
  EXPECT_EQ(shard_sampler(sizes, 6)(24, epoch0).size(), 24u);
  EXPECT_EQ(shard_sampler(sizes, std::numeric_limits<std::int64_t>::max())(24, epoch0).size(), 24u);
}

TEST(ShardSampler, EveryShardComesFirstAsOften) {
  const Sampler sampler = shard_sampler(Indices{1, 1, 1, 1}, 1);
  std::vector<int> first(4);
  for (std::int64_t epoch = 0; epoch < 4000; ++epoch)
    ++first[static_cast<std::size_t>(sampler(4, {.seed = 1, .epoch = epoch})[0])];
  for (const int count : first) EXPECT_NEAR(count, 1000, 150);
}

TEST(ShardSampler, GivesEachProcessAsManySamplesOfTheSameShards) {
  const Indices sizes(8, 9);
  Indices together;
  for (const std::int64_t rank : {0, 1, 2, 3}) {
    const Indices own =
        distributed_sampler({.rank = rank, .world = 4, .order = shard_sampler(sizes, 2)})(72, epoch1);
    ASSERT_EQ(own.size(), 18u);
    together.insert(together.end(), own.begin(), own.end());
  }
  EXPECT_EQ(sorted(together), sequential_sampler(72, epoch0));
}

TEST(ShardSampler, RefusesSizesThatMakeNoSense) {
  EXPECT_EQ(test::error_of<ValueError>([] { shard_sampler(Indices{1}, 0); }),
            "[shard_sampler] expected 1 shard or more at once, got 0");
  EXPECT_EQ(test::error_of<ValueError>([] {
              shard_sampler(Indices{1, -1});
            }),
            "[shard_sampler] expected sizes of 0 or more, got -1");
  EXPECT_EQ(test::error_of<ValueError>([] {
              shard_sampler(Indices{1, 2})(4, epoch0);
            }),
            "[shard_sampler] expected shards of 4 samples, got 3");
}

TEST(DistributedSampler, GivesEachRankAsManySamplesAndFillsUpFromTheFront) {
  const auto of_rank = [](std::int64_t rank, std::int64_t size, bool drop_last) {
    return distributed_sampler(
        {.rank = rank, .world = 3, .order = sequential_sampler, .drop_last = drop_last})(size, epoch0);
  };
  EXPECT_THAT(of_rank(0, 7, false), ElementsAre(0, 3, 6));
  EXPECT_THAT(of_rank(1, 7, false), ElementsAre(1, 4, 0));
  EXPECT_THAT(of_rank(2, 7, false), ElementsAre(2, 5, 1));
  EXPECT_THAT(of_rank(2, 7, true), ElementsAre(2, 5));
  EXPECT_THAT(of_rank(2, 1, false), ElementsAre(0));
  EXPECT_THAT(of_rank(2, 0, false), ElementsAre());
}

TEST(DistributedSampler, ShufflesAllRanksAlike) {
  Indices together;
  for (const std::int64_t rank : {0, 1, 2, 3}) {
    const Sampler sampler = distributed_sampler({.rank = rank, .world = 4});
    const Indices own = sampler(40, epoch0);
    EXPECT_EQ(own.size(), 10u);
    EXPECT_NE(own, sampler(40, epoch1));
    together.insert(together.end(), own.begin(), own.end());
  }
  EXPECT_EQ(sorted(together), sequential_sampler(40, epoch0));
  for (const std::int64_t rank : {-1, 2})
    EXPECT_EQ(
        test::error_of<ValueError>([&] { distributed_sampler({.rank = rank, .world = 2}); }),
        "[distributed_sampler] expected a rank from 0 to world - 1, got " + std::to_string(rank) + " of 2");
}

}  // namespace
}  // namespace fornax::data
