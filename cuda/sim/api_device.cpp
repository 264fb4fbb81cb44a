// The CUDA runtime's functions about devices, limits and errors.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>

#include "sim/call.h"
#include "sim/device_limits.h"
#include "sim/memory.h"
#include "sim/stream.h"

using namespace fornax::sim;

namespace {

constexpr int cuda_version = 13000;

bool exists(int device) { return device >= 0 && device < device_count(); }

int blocks_of_multiprocessor(int block_size, std::size_t dynamic_bytes) {
  if (block_size <= 0 || block_size > static_cast<int>(max_threads_of_block)) return 0;
  const int by_threads = std::min(max_threads_of_multiprocessor / block_size, max_blocks_of_multiprocessor);
  const auto by_shared = static_cast<int>(shared_bytes_of_multiprocessor / (dynamic_bytes + 1024));
  return std::min(by_threads, by_shared);
}

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
constexpr ErrorText error_texts[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated"},
    {cudaErrorAssert, "cudaErrorAssert", "device-side assert triggered"},
    {cudaErrorHardwareStackError, "cudaErrorHardwareStackError", "hardware stack error"},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction", "an illegal instruction was encountered"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorInvalidAddressSpace, "cudaErrorInvalidAddressSpace",
     "operation not supported on global/shared address space"},
    {cudaErrorInvalidPc, "cudaErrorInvalidPc", "invalid program counter"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureMerge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {cudaErrorStreamCaptureIsolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {cudaErrorStreamCaptureImplicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {cudaErrorCapturedEvent, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {cudaErrorStreamCaptureWrongThread, "cudaErrorStreamCaptureWrongThread",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"}};

const ErrorText& text_of(cudaError_t error) {
  constexpr static ErrorText unknown{cudaErrorUnknown, "unrecognized error code", "unrecognized error code"};
  for (const ErrorText& text : error_texts)
    if (text.error == error) return text;
  return unknown;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  return call("cudaGetDeviceCount", [&] {
    if (device_count() == 0) return cudaErrorNoDevice;
    *count = device_count();
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call("cudaSetDevice", [&] {
    if (!exists(device)) return cudaErrorInvalidDevice;
    current_device() = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call("cudaGetDevice", [&] {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call("cudaGetDeviceProperties", [&] {
    if (!exists(device)) return cudaErrorInvalidDevice;
    *properties = {};
    std::strcpy(properties->name, "Fornax simulated device");
    properties->major = 8;
    properties->minor = 0;
    properties->totalGlobalMem = memory_limit();
    properties->multiProcessorCount = multiprocessors;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = max_threads_of_block;
    properties->maxThreadsPerMultiProcessor = max_threads_of_multiprocessor;
    properties->sharedMemPerBlock = shared_bytes_of_block;
    properties->sharedMemPerBlockOptin = shared_bytes_of_block_opt_in;
    properties->sharedMemPerMultiprocessor = shared_bytes_of_multiprocessor;
    properties->regsPerBlock = 65536;
    properties->regsPerMultiprocessor = 65536;
    properties->l2CacheSize = 4 << 20;
    const unsigned block[] = {max_block_x, max_block_y, max_block_z},
                   grid[] = {max_grid_x, max_grid_yz, max_grid_yz};
    std::copy_n(block, 3, properties->maxThreadsDim);
    std::copy_n(grid, 3, properties->maxGridSize);
    properties->unifiedAddressing = 1;
    properties->concurrentKernels = 1;
    properties->asyncEngineCount = 2;
    properties->memoryPoolsSupported = 1;
    properties->pciBusID = device + 1;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call("cudaDeviceGetAttribute", [&] {
    if (!exists(device)) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMultiProcessorCount: *value = multiprocessors; break;
      case cudaDevAttrComputeCapabilityMajor: *value = 8; break;
      case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
      case cudaDevAttrWarpSize: *value = 32; break;
      case cudaDevAttrMaxThreadsPerBlock: *value = max_threads_of_block; break;
      case cudaDevAttrMaxThreadsPerMultiProcessor: *value = max_threads_of_multiprocessor; break;
      case cudaDevAttrMaxBlocksPerMultiprocessor: *value = max_blocks_of_multiprocessor; break;
      case cudaDevAttrMaxSharedMemoryPerBlock: *value = shared_bytes_of_block; break;
      case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = shared_bytes_of_block_opt_in; break;
      case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = shared_bytes_of_multiprocessor; break;
      case cudaDevAttrMemoryPoolsSupported: *value = 1; break;
      case cudaDevAttrUnifiedAddressing: *value = 1; break;
      case cudaDevAttrAsyncEngineCount: *value = 2; break;
      case cudaDevAttrStreamPrioritiesSupported: *value = 1; break;
      default: return cudaErrorInvalidValue;
    }
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  return call("cudaDeviceCanAccessPeer", [&] {
    if (!exists(device) || !exists(peer)) return cudaErrorInvalidDevice;
    *can = 0;
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  return call("cudaDriverGetVersion", [&] {
    *version = cuda_version;
    return cudaSuccess;
  });
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  return call("cudaRuntimeGetVersion", [&] {
    *version = cuda_version;
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int block_size,
                                                          std::size_t dynamic_bytes) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessor", [&] {
    *blocks = blocks_of_multiprocessor(block_size, dynamic_bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int block_size,
                                                                   std::size_t dynamic_bytes, unsigned) {
  return call("cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags", [&] {
    *blocks = blocks_of_multiprocessor(block_size, dynamic_bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return call("cudaFuncSetAttribute", [&] {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if (value < 0 || static_cast<std::size_t>(value) > shared_bytes_of_block_opt_in)
      return cudaErrorInvalidValue;
    allow_dynamic_shared(kernel, static_cast<std::size_t>(value));
    return cudaSuccess;
  });
}

cudaError_t cudaGetLastError() {
  const Lock lock;
  return take_last_error();
}
cudaError_t cudaPeekAtLastError() {
  const Lock lock;
  return last_error();
}
const char* cudaGetErrorName(cudaError_t error) { return text_of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return text_of(error).text; }

}  // extern "C"
