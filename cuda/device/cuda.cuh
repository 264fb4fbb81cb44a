#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/check.h"

// The words that nvcc and the simulated device spell differently; everything else in a kernel is plain CUDA.
//
//   FORNAX_SHARED(float, tile, [32][33]);         a static shared array `tile`
//   FORNAX_DYNAMIC_SHARED(float, buffer);         the launch's dynamic shared memory as `float* buffer`
//   FORNAX_CONSTANT(float, table, [4]) = {...};   a constant array at namespace scope
//   launch(kernel, grid, block, shared_bytes, stream, arguments...);
//   check_aligned(data, bytes);                   reports a vector access that a device would refuse; free
//   under nvcc
#if defined(__CUDACC__)

#define FORNAX_SHARED(type, name, dims) __shared__ type name dims
#define FORNAX_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char fornax_dynamic_shared[]; \
  type* const name = reinterpret_cast<type*>(fornax_dynamic_shared)
#define FORNAX_CONSTANT(type, name, dims) __constant__ type name dims

namespace fornax::cuda {

/// Enqueues a kernel; arguments are converted to its parameters' types now. Throws CudaError.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
            A&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, static_cast<P>(std::forward<A>(arguments))...), "launch");
}

__device__ inline void check_aligned(const void*, std::size_t) {}

}  // namespace fornax::cuda

#else
#include "sim/language.h"
#endif
