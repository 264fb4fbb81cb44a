#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/random.h"

/// In which order a DataLoader goes through a data set.
namespace fornax::data {

/// The order of an epoch: indices below `size`, a function of its arguments alone. Leaving samples out or
/// repeating them is allowed.
using Sampler = std::function<std::vector<std::int64_t>(std::int64_t size, const EpochRandom& random)>;
/// The batches of an epoch, none of them empty, likewise.
using BatchSampler =
    std::function<std::vector<std::vector<std::int64_t>>(std::int64_t size, const EpochRandom& random)>;

/// 0, 1, 2, ...
FORNAX_API std::vector<std::int64_t> sequential_sampler(std::int64_t size, const EpochRandom& random);
/// Each index once, in random order.
FORNAX_API std::vector<std::int64_t> random_sampler(std::int64_t size, const EpochRandom& random);
/// These indices, in random order.
FORNAX_API Sampler subset_random_sampler(std::vector<std::int64_t> indices);

/// `count` indices, each drawn with a probability in proportion to its weight, which need not sum to 1:
/// independently, or without replacement from those that are left (Efraimidis and Spirakis, 2006). Throws
/// ValueError unless the weights are finite, 0 or more and not all 0 and, without replacement, at least
/// `count` of them above 0; and, when it is used, unless there is one for each sample.
FORNAX_API Sampler weighted_random_sampler(std::vector<double> weights, std::int64_t count,
                                           bool replacement = true);

/// Each index once, in a random order in which few shards are read at a time: the shards of `shard_sizes`
/// samples, which follow one another in the set (ShardedImages::shard_sizes()), are shuffled, then the
/// samples of each `shards_at_once` of them among themselves. Throws ValueError for sizes below 0 or no shard
/// at once and, when it is used, unless the sizes sum to the set's.
///
/// As the `order` of a distributed_sampler() it gives each process as many samples, of the same shards at the
/// same time.
FORNAX_API Sampler shard_sampler(std::span<const std::int64_t> shard_sizes, std::int64_t shards_at_once = 16);

struct DistributedSamplerOptions {
  std::int64_t rank = 0, world = 1;  ///< which of how many processes
  Sampler order = random_sampler;    ///< of the epoch, the same in all of them: so must be the loaders' seeds
  /// Leave out the last samples that do not come to one for each process; else the first ones of the order
  /// come twice to fill up.
  bool drop_last = false;
};
/// Each `world`-th index of an order, from `rank` on, as many for each rank; PyTorch's DistributedSampler.
/// Throws ValueError for a rank that is not below world.
FORNAX_API Sampler distributed_sampler(DistributedSamplerOptions options);

}  // namespace fornax::data
