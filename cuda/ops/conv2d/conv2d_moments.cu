// Policy: a thread per channel. On the stream that is given.
#include "ops/conv2d/conv2d_moments.h"

#include "device/cuda.cuh"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

__global__ void moments_kernel(SumsOfChannels of) {
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  const auto count = static_cast<double>(of.count);
  for (std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; c < of.channels; c += stride) {
    const double mean = of.sums[c] / count, var = of.square_sums[c] / count - mean * mean;
    of.mean[c] = static_cast<float>(mean);
    of.var[c] = static_cast<float>(var < 0 ? 0 : var);  // NaN stays
  }
}

}  // namespace

void moments_of_sums(const SumsOfChannels& sums, cudaStream_t stream) {
  cuda::launch(moments_kernel, dim3(cuda::grid_for(sums.channels)), dim3(cuda::elementwise_block), 0, stream,
               sums);
}

}  // namespace fornax::ops
