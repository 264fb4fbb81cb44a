#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/dispatch/tensor_view.h"

/// What a kernel's host code asks the runtime for. Installed, as device/cuda.cuh is, for kernels of users.
namespace fornax::cuda {

/// Makes the device of `view` this thread's CUDA device and gives the stream on which its kernels run.
FORNAX_API cudaStream_t stream_for(const TensorView& view);

/// Threads of a block of kernels that treat each element alone.
inline constexpr int elementwise_block = 256;
/// Threads of a block that reduces one row or channel.
inline constexpr int reduce_block = 256;

/// Blocks of `block` threads for `count` items with a grid-stride loop: enough to fill the current device
/// several times over, not more than there is work; at least 1.
FORNAX_API unsigned grid_for(std::int64_t count, int block = elementwise_block);

/// Memory for one launch or a few: allocated and freed in the order of `stream`; none for 0 bytes. Throws
/// OutOfMemory.
class FORNAX_API Scratch {
 public:
  Scratch(std::size_t bytes, cudaStream_t stream);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  cudaStream_t stream_;
};

}  // namespace fornax::cuda
