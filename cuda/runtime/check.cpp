// Policy: an error of the CUDA runtime becomes a typed exception that names the call. Errors after which the
// context of the process is unusable are remembered, so that every later call says what broke it.
#include "runtime/check.h"

#include <fmt/core.h>

#include <mutex>
#include <string>

#include "fornax/base/error.h"

namespace fornax::cuda {
namespace {

bool loses_the_device(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorLaunchFailure:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorECCUncorrectable: return true;
    default: return false;
  }
}

/// What first lost the device. Never destroyed: destructors of static tensors may still ask.
struct Loss {
  std::mutex mutex;
  std::string first;
};
Loss& loss() {
  static Loss& instance = *new Loss;
  return instance;
}

[[noreturn]] void fail_lost(std::string_view call, const std::string& got) {
  Loss& lost = loss();
  const std::lock_guard lock(lost.mutex);
  if (lost.first.empty()) {
    lost.first = fmt::format("{} in {}", got, call);
    throw DeviceLost(call,
                     fmt::format("expected success, got {}; work enqueued earlier may have caused it, and "
                                 "this process cannot use the device any more",
                                 got));
  }
  throw DeviceLost(
      call, fmt::format("expected a working device, got {}; the device was lost by {}", got, lost.first));
}

}  // namespace

void check(cudaError_t status, std::string_view call) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // a recoverable error must not surface again in the next call
  const std::string got = fmt::format("{} ({})", cudaGetErrorName(status), cudaGetErrorString(status));
  if (loses_the_device(status)) fail_lost(call, got);
  if (status == cudaErrorMemoryAllocation)
    throw OutOfMemory(call, fmt::format("expected more memory, got {}", got));
  throw CudaError(call, fmt::format("expected success, got {}", got));
}

}  // namespace fornax::cuda
