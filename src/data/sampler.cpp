#include "fornax/data/sampler.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "fornax/base/error.h"

namespace fornax::data {
namespace {

/// Fisher and Yates' shuffle.
void shuffle(std::span<std::int64_t> order, SampleRandom& numbers) {
  for (std::int64_t left = std::ssize(order); left > 1; --left)
    std::swap(order[static_cast<std::size_t>(left - 1)],
              order[static_cast<std::size_t>(numbers.below(left))]);
}

/// Uniform in (0, 1), in steps of 2^-52.
double fine_uniform(SampleRandom& random) {
  const std::uint64_t high = random.bits() >> 6, low = random.bits() >> 6;
  return (static_cast<double>(high << 26 | low) + 0.5) * 0x1p-52;
}

std::vector<std::int64_t> drawn_with_replacement(const std::vector<double>& weights, std::int64_t count,
                                                 const EpochRandom& random) {
  std::vector<double> sums(weights.size());
  std::partial_sum(weights.begin(), weights.end(), sums.begin());
  // Rounding must not lead past the last index that has a weight.
  const auto last = std::ranges::lower_bound(sums, sums.back());
  SampleRandom numbers = random.whole();
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  for (std::int64_t& index : indices) {
    const double at = fine_uniform(numbers) * sums.back();
    index = std::min(std::ranges::upper_bound(sums, at), last) - sums.begin();
  }
  return indices;
}

/// The `count` largest of u^(1 / weight), in logarithms.
std::vector<std::int64_t> drawn_without_replacement(const std::vector<double>& weights, std::int64_t count,
                                                    const EpochRandom& random) {
  SampleRandom numbers = random.whole();
  std::vector<std::pair<double, std::int64_t>> keys;  // the smaller, the earlier
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double exponential = -std::log(fine_uniform(numbers));
    if (weights[i] > 0) keys.emplace_back(exponential / weights[i], i);
  }
  std::ranges::partial_sort(keys, keys.begin() + count);
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) indices.push_back(keys[static_cast<std::size_t>(i)].second);
  return indices;
}

}  // namespace

std::vector<std::int64_t> sequential_sampler(std::int64_t size, const EpochRandom&) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<std::int64_t> random_sampler(std::int64_t size, const EpochRandom& random) {
  std::vector<std::int64_t> order = sequential_sampler(size, random);
  SampleRandom numbers = random.whole();
  shuffle(order, numbers);
  return order;
}

Sampler subset_random_sampler(std::vector<std::int64_t> indices) {
  return [indices = std::move(indices)](std::int64_t, const EpochRandom& random) {
    std::vector<std::int64_t> order = indices;
    SampleRandom numbers = random.whole();
    shuffle(order, numbers);
    return order;
  };
}

Sampler weighted_random_sampler(std::vector<double> weights, std::int64_t count, bool replacement) {
  static constexpr const char* op = "weighted_random_sampler";
  const auto is_weight = [](double weight) { return weight >= 0 && std::isfinite(weight); };
  const auto positive = std::ranges::count_if(weights, [](double weight) { return weight > 0; });
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.);
  if (!std::ranges::all_of(weights, is_weight) || positive == 0 || !std::isfinite(sum))
    throw ValueError(op, "expected finite weights of 0 or more, not all of them 0, got others");
  if (count < 0 || (!replacement && count > positive))
    throw ValueError(
        op, replacement
                ? fmt::format("expected a count of 0 or more, got {}", count)
                : fmt::format("expected a count from 0 to {}, the weights above 0, got {}", positive, count));
  return [weights = std::move(weights), count, replacement](std::int64_t size, const EpochRandom& random) {
    if (std::ssize(weights) != size)
      throw ValueError(op,
                       fmt::format("expected a weight for each of {} samples, got {}", size, weights.size()));
    return replacement ? drawn_with_replacement(weights, count, random)
                       : drawn_without_replacement(weights, count, random);
  };
}

Sampler shard_sampler(std::span<const std::int64_t> shard_sizes, std::int64_t shards_at_once) {
  static constexpr const char* op = "shard_sampler";
  if (shards_at_once < 1)
    throw ValueError(op, fmt::format("expected 1 shard or more at once, got {}", shards_at_once));
  std::vector<std::int64_t> begins{0};  // of the shards, and the end of the last
  for (const std::int64_t size : shard_sizes) {
    if (size < 0) throw ValueError(op, fmt::format("expected sizes of 0 or more, got {}", size));
    begins.push_back(begins.back() + size);
  }
  return [begins = std::move(begins), shards_at_once](std::int64_t size, const EpochRandom& random) {
    if (begins.back() != size)
      throw ValueError(op, fmt::format("expected shards of {} samples, got {}", size, begins.back()));
    SampleRandom numbers = random.whole();
    std::vector<std::int64_t> shards = sequential_sampler(std::ssize(begins) - 1, random), order;
    shuffle(shards, numbers);
    const std::int64_t count = std::ssize(shards);
    for (std::int64_t first = 0; first < count; first += shards_at_once) {
      const std::size_t begin = order.size();
      for (std::int64_t i = first; i < std::min(first + shards_at_once, count); ++i) {
        const auto shard = static_cast<std::size_t>(shards[static_cast<std::size_t>(i)]);
        for (std::int64_t index = begins[shard]; index < begins[shard + 1]; ++index) order.push_back(index);
      }
      shuffle(std::span(order).subspan(begin), numbers);
    }
    return order;
  };
}

Sampler distributed_sampler(DistributedSamplerOptions options) {
  if (options.rank < 0 || options.rank >= options.world)
    throw ValueError("distributed_sampler", fmt::format("expected a rank from 0 to world - 1, got {} of {}",
                                                        options.rank, options.world));
  return [options = std::move(options)](std::int64_t size, const EpochRandom& random) {
    const std::vector<std::int64_t> order = options.order(size, random);
    const std::int64_t samples = std::ssize(order);
    const std::int64_t each =
        options.drop_last ? samples / options.world : (samples + options.world - 1) / options.world;
    std::vector<std::int64_t> own;
    for (std::int64_t i = 0; i < each; ++i)
      own.push_back(order[static_cast<std::size_t>((options.rank + i * options.world) % samples)]);
    return own;
  };
}

}  // namespace fornax::data
