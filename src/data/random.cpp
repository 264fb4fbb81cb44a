#include "fornax/data/random.h"

#include "fornax/base/philox.h"

namespace fornax::data {

std::uint32_t SampleRandom::bits() {
  if (left_ == 0) {
    ready_ = philox(seed_, index_, block_++);
    left_ = static_cast<unsigned>(ready_.size());
  }
  return ready_[--left_];
}

float SampleRandom::uniform() { return uniform_float(bits()); }

// Lemire, "Fast random integer generation in an interval" (2019): the upper half of bits * n, without its
// bias.
std::int64_t SampleRandom::below(std::int64_t n) {
  const auto range = static_cast<std::uint64_t>(n);
  const std::uint64_t biased = (std::uint64_t{1} << 32) % range;
  std::uint64_t product;
  do product = bits() * range;
  while ((product & 0xffffffffu) < biased);
  return static_cast<std::int64_t>(product >> 32);
}

}  // namespace fornax::data
