#pragma once

#include <array>
#include <cstdint>

#include "fornax/base/export.h"

namespace fornax::data {

/// The random numbers for one sample in one epoch: a function of seed, epoch and index alone, so that
/// augmentation does not depend on which worker makes the sample, or in which order.
class FORNAX_API SampleRandom {
 public:
  SampleRandom(std::uint64_t seed, std::int64_t epoch, std::int64_t index)
      : seed_(seed),
        index_(static_cast<std::uint64_t>(index)),
        block_(static_cast<std::uint64_t>(epoch) << 32) {}

  /// 32 random bits.
  std::uint32_t bits();
  /// Uniform in [0, 1).
  float uniform();
  /// Uniform among 0 ... n - 1; n from 1 to 2^32.
  std::int64_t below(std::int64_t n);

 private:
  std::uint64_t seed_, index_, block_;  // block_: the epoch, and how many blocks of numbers were used
  std::array<std::uint32_t, 4> ready_{};
  unsigned left_ = 0;
};

/// Where the random numbers of an epoch come from.
struct EpochRandom {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;

  SampleRandom sample(std::int64_t index) const { return {seed, epoch, index}; }
  /// For what concerns the epoch as a whole, such as its order: independent of those of any sample.
  SampleRandom whole() const { return {seed, epoch, -1}; }
};

}  // namespace fornax::data
