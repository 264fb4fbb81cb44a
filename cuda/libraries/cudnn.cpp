#include "libraries/cudnn.h"

#include <fmt/core.h>

#include <map>

#include "fornax/base/error.h"
#include "runtime/device_state.h"

namespace fornax::cuda {

void check(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  fail_if_lost(call);
  char message[1024] = {};
  cudnn()->GetLastErrorString(message, sizeof message);
  throw CudaError(call,
                  fmt::format("expected success, got {}: {}", cudnn()->GetErrorString(status), message));
}

cudnnHandle_t cudnn_handle(int device, cudaStream_t stream) {
  // A handle serves one thread at a time. Threads that end leave theirs to the process: destroying one would
  // wait for the device, and fail where the driver has gone already.
  thread_local std::map<int, cudnnHandle_t> handles;
  cudnnHandle_t& handle = handles[device];
  if (!handle) check(cudnn()->Create(&handle), "cudnnCreate");
  check(cudnn()->SetStream(handle, stream), "cudnnSetStream");
  return handle;
}

}  // namespace fornax::cuda
