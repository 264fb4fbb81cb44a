#pragma once

#include "device/cuda.cuh"
#include "fornax/base/philox.h"
#include "ops/random/draw.h"

namespace fornax::ops {

/// A draw as a kernel gets it.
struct DeviceDraw {
  std::uint64_t seed, offset;
  const std::uint64_t* replayed;

  explicit DeviceDraw(const DrawView& draw)
      : seed(draw.seed), offset(draw.offset), replayed(draw.replayed.ptr<const std::uint64_t>()) {}
  /// For the first thing in a kernel.
  __device__ void read() {
    if (!replayed) return;
    seed = replayed[0];
    offset = replayed[1];
  }
  __device__ auto words(std::uint64_t block) const { return philox(seed, block, offset); }
};

}  // namespace fornax::ops
