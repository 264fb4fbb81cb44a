#pragma once

#include "ops/batch_norm/batch_norm_sums.cuh"

namespace fornax::cuda {

/// Writes the mean and the biased variance of each channel.
template <class T>
struct WriteMoments {
  T *mean, *var;
  const T* origins;  // may be null
  __device__ void operator()(std::int64_t channel, Moments<T, 1>& part) const {
    const T variance = part.m2(0) / part.count();
    mean[channel] = origins && part.count() > 0 ? origins[channel] + part.mean(0) : part.mean(0);
    var[channel] = variance < 0 ? T(0) : variance;
  }
};

/// The second half of batch_norm_statistics alone, for a kernel that left means and sums of squared
/// deviations of chunks of x while it made them: convolution, say.
template <class T>
void combine_moments(const ChannelPartials<T>& partials, T* mean, T* var, cudaStream_t stream) {
  combine_partials<Moments<T, 1>>(partials, WriteMoments<T>{mean, var, partials.origins}, stream);
}

}  // namespace fornax::cuda
