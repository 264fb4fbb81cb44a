// Policy: copies of the CUDA runtime. From pageable memory the bytes are taken when the copy is enqueued; to
// pageable memory the host waits, as CUDA does. Both sides are held against their blocks when the copy runs.
#include <cuda_runtime.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/access.h"
#include "sim/call.h"
#include "sim/graph.h"
#include "sim/host_memory.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

using namespace fornax::sim;

namespace {

/// `kind` as the addresses have it; cudaErrorInvalidValue and a report if the caller says otherwise.
cudaError_t resolve(cudaMemcpyKind& kind, const void* to, const void* from) {
  const bool to_device = is_device_memory(to), from_device = is_device_memory(from);
  const cudaMemcpyKind actual = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                                          : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  if (kind != cudaMemcpyDefault && kind != actual) {
    report("bad-copy", "the direction of a copy does not fit its addresses");
    return cudaErrorInvalidValue;
  }
  kind = actual;
  return cudaSuccess;
}

const char* name_of(cudaMemcpyKind kind) {
  switch (kind) {
    case cudaMemcpyHostToDevice: return "copy to device";
    case cudaMemcpyDeviceToHost: return "copy to host";
    case cudaMemcpyDeviceToDevice: return "copy on device";
    default: return "copy on host";
  }
}

cudaError_t copy(Stream& stream, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return cudaSuccess;
  const cudaError_t status = resolve(kind, to, from);
  if (status != cudaSuccess) return status;
  const bool to_device = is_device_memory(to), from_device = is_device_memory(from);
  const bool from_pageable = !from_device && !is_pinned(from), to_pageable = !to_device && !is_pinned(to);
  std::shared_ptr<std::vector<char>> staged;
  if (from_pageable) {
    const auto* const begin = static_cast<const char*>(from);
    staged = std::make_shared<std::vector<char>>(begin, begin + bytes);
  }
  if (stream.capture && (from_pageable || to_pageable)) {
    report("capture", "a copy from or to pageable memory is captured");
    stream.capture->is_invalid = true;
    return cudaErrorStreamCaptureUnsupported;
  }
  Operation operation;
  operation.name = name_of(kind);
  if (!from_device && !from_pageable) operation.pinned.push_back({from, bytes, Access::read});
  if (!to_device && !to_pageable) operation.pinned.push_back({to, bytes, Access::write});
  operation.run = [=] {
    if (from_device && !access(from, bytes, Access::read)) return;
    if (to_device && !access(to, bytes, Access::write)) return;
    std::memmove(unguarded(to), staged ? staged->data() : unguarded(from), bytes);
  };
  const OperationPtr enqueued = enqueue(stream, std::move(operation));
  if (!to_pageable) return cudaSuccess;
  count_host_wait();
  finish(*enqueued);
  host_saw(*enqueued);
  return device_loss();
}

/// Copies and fills without a stream wait for everything before and after.
template <class Work>
cudaError_t synchronously(Work work) {
  const cudaError_t refusal = refuse_in_capture();
  if (refusal != cudaSuccess) return refusal;
  static Stream& own = new_stream(0);
  count_host_wait();
  finish_all();
  host_saw_all();
  const cudaError_t status = work(own);
  finish_all();
  host_saw_all();
  return status != cudaSuccess ? status : device_loss();
}

void fill(Stream& stream, void* data, int value, std::size_t bytes) {
  enqueue(stream, "fill", [=] {
    if (!access(data, bytes, Access::write)) return;
    std::memset(data, value, bytes);
  });
}

}  // namespace

extern "C" {

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t handle) {
  return call("cudaMemcpyAsync", [&] {
    Stream* const stream = find_stream(handle);
    return stream ? copy(*stream, to, from, bytes, kind) : cudaErrorInvalidResourceHandle;
  });
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, std::size_t bytes,
                                cudaStream_t handle) {
  return call("cudaMemcpyPeerAsync", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (!is_device_memory(to) || !is_device_memory(from) || device_of(to) != to_device ||
        device_of(from) != from_device) {
      report("bad-copy", "a copy between devices is given addresses that are not on them");
      return cudaErrorInvalidValue;
    }
    return copy(*stream, to, from, bytes, cudaMemcpyDeviceToDevice);
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return call("cudaMemcpy", [&] {
    return synchronously([&](Stream& stream) { return copy(stream, to, from, bytes, kind); });
  });
}

cudaError_t cudaMemsetAsync(void* data, int value, std::size_t bytes, cudaStream_t handle) {
  return call("cudaMemsetAsync", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (bytes > 0) fill(*stream, data, value, bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMemset(void* data, int value, std::size_t bytes) {
  return call("cudaMemset", [&] {
    return synchronously([&](Stream& stream) {
      if (bytes > 0) fill(stream, data, value, bytes);
      return cudaSuccess;
    });
  });
}

}  // extern "C"
