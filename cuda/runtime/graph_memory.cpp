// Policy: blocks come from the device's pool by a stream of their own, which is never recorded, as memory
// that a graph allocates itself would have to be freed before its next launch. Sizes are rounded up to
// classes (at most 12.5 % more), and only blocks of one class replace each other.
#include "runtime/graph_memory.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <exception>

#include "fornax/base/error.h"
#include "runtime/check.h"

namespace fornax::cuda {
namespace {

constinit thread_local std::shared_ptr<GraphMemory> recorded;

std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(512, std::bit_floor(bytes) / 8);
  return std::max<std::size_t>((bytes + step - 1) / step * step, step);
}

/// While alive, this thread may make calls that do not concern its recording.
class Unrecorded {
 public:
  Unrecorded() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  ~Unrecorded() { cudaThreadExchangeStreamCaptureMode(&mode_); }
  Unrecorded(const Unrecorded&) = delete;
  Unrecorded& operator=(const Unrecorded&) = delete;

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

/// `later` waits for what `earlier` was given so far.
void order(cudaStream_t earlier, cudaStream_t later) {
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
  const cudaError_t marked = cudaEventRecord(event, earlier);
  const cudaError_t waited = marked == cudaSuccess ? cudaStreamWaitEvent(later, event, 0) : cudaSuccess;
  cudaEventDestroy(event);
  check(marked, "cudaEventRecord");
  check(waited, "cudaStreamWaitEvent");
}

}  // namespace

GraphMemory::~GraphMemory() {
  try {
    use_device(state_.index);
  } catch (const std::exception&) {
    return;  // the device is lost
  }
  for (const auto& [data, bytes] : sizes_) free_in_order(data, state_.graph_memory_stream);
}

void* GraphMemory::allocate(std::size_t bytes, cudaStream_t stream) {
  const std::size_t size = rounded(bytes);
  const std::lock_guard lock(mutex_);
  if (const auto found = free_.find({stream, size}); found != free_.end() && !found->second.empty()) {
    void* const data = found->second.back();
    found->second.pop_back();
    return data;
  }
  const Unrecorded unrecorded;
  void* data = nullptr;
  const cudaError_t status = cudaMallocAsync(&data, size, state_.graph_memory_stream);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw OutOfMemory("CudaGraph", fmt::format("expected {} more bytes on {}, got none", size,
                                               to_string(Device::cuda(state_.index))));
  }
  check(status, "cudaMallocAsync");
  try {
    sizes_.emplace(data, size);
  } catch (...) {
    free_in_order(data, state_.graph_memory_stream);
    throw;
  }
  return data;
}

bool GraphMemory::free(void* data, cudaStream_t stream) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = sizes_.find(data);
  if (found == sizes_.end()) return false;
  try {
    if (is_open_)
      free_[{stream, found->second}].push_back(data);
    else
      order(stream, state_.graph_memory_stream);  // given back after its last work
  } catch (const std::exception&) {
    // The host has no memory for the list, or the device is lost.
  }
  return true;
}

void GraphMemory::close(cudaStream_t stream) {
  const std::lock_guard lock(mutex_);
  is_open_ = false;
  order(state_.graph_memory_stream, stream);
}

const std::shared_ptr<GraphMemory>& recorded_memory() { return recorded; }

GraphMemoryScope::GraphMemoryScope(std::shared_ptr<GraphMemory> memory) { recorded = std::move(memory); }
GraphMemoryScope::~GraphMemoryScope() { recorded = nullptr; }

}  // namespace fornax::cuda
