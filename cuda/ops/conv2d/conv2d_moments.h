#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace fornax::ops {

/// Per channel, all in device memory: the sums of `count` values and of their squares, and where their mean
/// and biased variance go.
struct SumsOfChannels {
  const float *sums, *square_sums;
  float *mean, *var;
  std::int64_t channels, count;
};

/// In f64, so that nothing is lost but what the sums have lost.
void moments_of_sums(const SumsOfChannels& sums, cudaStream_t stream);

}  // namespace fornax::ops
