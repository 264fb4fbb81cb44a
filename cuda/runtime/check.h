#pragma once

#include <cuda_runtime.h>

#include <string_view>

#include "fornax/base/export.h"

namespace fornax::cuda {

/// Throws what `status` means, unless it is cudaSuccess: OutOfMemory for a lack of memory, DeviceLost for
/// errors after which the device's context is unusable, else CudaError. `call` names what failed.
FORNAX_API void check(cudaError_t status, std::string_view call);

}  // namespace fornax::cuda
