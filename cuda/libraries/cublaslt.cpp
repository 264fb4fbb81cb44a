#include "libraries/cublaslt.h"

#include <fmt/core.h>

#include <map>
#include <mutex>

#include "fornax/base/error.h"
#include "runtime/device_state.h"

namespace fornax::cuda {

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  fail_if_lost(call);
  throw CudaError(call, fmt::format("expected success, got {} ({})", cublaslt()->GetStatusString(status),
                                    static_cast<int>(status)));
}

cublasLtHandle_t cublaslt_handle(int device) {
  static std::mutex& mutex = *new std::mutex;
  static auto& handles = *new std::map<int, cublasLtHandle_t>;
  const std::lock_guard lock(mutex);
  cublasLtHandle_t& handle = handles[device];
  if (!handle) check(cublaslt()->Create(&handle), "cublasLtCreate");
  return handle;
}

}  // namespace fornax::cuda
