#include <numeric>
#include <utility>

#include "fornax/data/data_loader.h"

namespace fornax::data {

std::vector<std::int64_t> sequential_sampler(std::int64_t size, const EpochRandom&) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Fisher and Yates' shuffle.
std::vector<std::int64_t> random_sampler(std::int64_t size, const EpochRandom& random) {
  std::vector<std::int64_t> order = sequential_sampler(size, random);
  SampleRandom numbers = random.whole();
  for (std::int64_t left = size; left > 1; --left)
    std::swap(order[static_cast<std::size_t>(left - 1)],
              order[static_cast<std::size_t>(numbers.below(left))]);
  return order;
}

}  // namespace fornax::data
