#pragma once

#include <cudnn.h>

/// cuDNN's graph API behind a table of function pointers, filled at first use, for the same reasons as
/// cuBLASLt's.
namespace fornax::cuda {

#define FORNAX_CUDNN_FUNCTIONS(X) \
  X(Create)                       \
  X(SetStream)                    \
  X(GetErrorString)               \
  X(GetLastErrorString)           \
  X(BackendCreateDescriptor)      \
  X(BackendDestroyDescriptor)     \
  X(BackendFinalize)              \
  X(BackendSetAttribute)          \
  X(BackendGetAttribute)          \
  X(BackendExecute)

struct Cudnn {
#define FORNAX_MEMBER(name) decltype(&cudnn##name) name = nullptr;
  FORNAX_CUDNN_FUNCTIONS(FORNAX_MEMBER)
#undef FORNAX_MEMBER
};

/// NVIDIA's library; null where it cannot be opened.
const Cudnn* load_cudnn();
/// What the backend uses: NVIDIA's library or, on a simulated device, the stand-in for it. Null as above.
const Cudnn* cudnn();
/// Throws CudaError that names the call and quotes cuDNN's last message, DeviceLost where that is why, unless
/// `status` is success.
void check(cudnnStatus_t status, const char* call);
/// This thread's handle for its current CUDA device `device`, set to `stream`. Lives as long as the process.
cudnnHandle_t cudnn_handle(int device, cudaStream_t stream);

}  // namespace fornax::cuda
