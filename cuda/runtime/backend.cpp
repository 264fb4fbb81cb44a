// Policy: everything is enqueued in the order of a stream and returns at once, memory too. Only
// synchronize(), synchronize_event() and copies to pageable memory wait. A failed allocation gives what the
// pool keeps back to the device and tries once more.
#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "device/backends.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"
#include "fornax/dispatch/observer.h"
#include "libraries/nvtx.h"
#include "runtime/check.h"
#include "runtime/device_state.h"
#include "runtime/graph_memory.h"
#include "runtime/pinned.h"

namespace fornax {
namespace cuda {
namespace {

[[noreturn]] void fail_out_of_memory(Device device, std::size_t bytes) {
  const MemoryStats stats = memory_stats(device);
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  throw OutOfMemory("cuda memory",
                    fmt::format("expected {} more bytes on {}, got none; in use {}, held {}, "
                                "free {} of {}",
                                bytes, to_string(device), stats.in_use, stats.reserved, free, total));
}

const char* kind_of_memory(const void* data) {
  cudaPointerAttributes attributes{};
  check(cudaPointerGetAttributes(&attributes, data), "cudaPointerGetAttributes");
  switch (attributes.type) {
    case cudaMemoryTypeHost: return "pinned";
    case cudaMemoryTypeUnregistered: return "pageable";
    default: return "device";
  }
}

class CudaBackend final : public Backend {
 public:
  int device_count(std::string* why_none) const override { return count_devices(why_none); }

  void* allocate(std::size_t bytes, Stream stream) override {
    const cudaStream_t on = native(stream);
    DeviceState& state = use_device(stream.device.index);
    bytes = std::max<std::size_t>(bytes, 1);
    void* const data = allocate_in_order(bytes, on);
    const std::lock_guard lock(state.mutex);
    state.blocks[data] = {on, bytes, recorded_memory()};
    return data;
  }

  void deallocate(void* data, std::size_t, Stream stream) noexcept override {
    try {
      const cudaStream_t on = native(stream);
      DeviceState& state = use_device(stream.device.index);
      std::shared_ptr<GraphMemory> graph;
      {  // before another thread can be given the same address
        const std::lock_guard lock(state.mutex);
        if (auto block = state.blocks.extract(data)) graph = std::move(block.mapped().graph);
      }
      if (!graph || !graph->free(data, on)) free_in_order(data, on);
    } catch (const std::exception&) {
    }
  }

  void* allocate_pinned(std::size_t bytes) override { return cuda::allocate_pinned(bytes); }
  void free_pinned(void* data, std::size_t bytes, std::span<const Stream> users) noexcept override {
    cuda::free_pinned(data, bytes, users);
  }

  void copy(void* to, const void* from, std::size_t bytes, Stream stream) override {
    if (bytes == 0) return;
    const dispatch::Observed observed([&] {
      return dispatch::Activity{
          .kind = dispatch::Activity::Kind::copy,
          .name = fmt::format("copy {} to {}", kind_of_memory(from), kind_of_memory(to)),
          .stream = stream,
          .bytes = bytes};
    });
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, native(stream)), "cudaMemcpyAsync");
  }

  void* record_event(Stream stream) override { return record(stream, cudaEventDisableTiming); }
  void* record_timed_event(Stream stream) override { return record(stream, cudaEventDefault); }

  void destroy_event(void* event) noexcept override {
    const std::unique_ptr<RecordedEvent> recorded(static_cast<RecordedEvent*>(event));
    try {
      const std::lock_guard lock(recorded->home->mutex);
      recorded->free.push_back(recorded->event);
    } catch (const std::exception&) {
      cudaEventDestroy(recorded->event);
    }
  }

  void wait_event(Stream stream, void* event) override {
    check(cudaStreamWaitEvent(native(stream), static_cast<RecordedEvent*>(event)->event, 0),
          "cudaStreamWaitEvent");
  }
  void synchronize_event(void* event) override {
    check(cudaEventSynchronize(static_cast<RecordedEvent*>(event)->event), "cudaEventSynchronize");
  }
  bool query_event(void* event) override {
    const cudaError_t status = cudaEventQuery(static_cast<RecordedEvent*>(event)->event);
    if (status == cudaErrorNotReady) {
      cudaGetLastError();
      return false;
    }
    check(status, "cudaEventQuery");
    return true;
  }
  double seconds_between(void* start, void* end) override {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, static_cast<RecordedEvent*>(start)->event,
                               static_cast<RecordedEvent*>(end)->event),
          "cudaEventElapsedTime");
    return 1e-3 * static_cast<double>(milliseconds);
  }
  void synchronize(Stream stream) override {
    check(cudaStreamSynchronize(native(stream)), "cudaStreamSynchronize");
  }

  void begin_range(std::string_view op, std::string_view kernel) noexcept override {
    cuda::begin_range(op, kernel);
  }
  void end_range() noexcept override { cuda::end_range(); }

 private:
  /// An event goes back to those of its kind of the device that it is of.
  struct RecordedEvent {
    cudaEvent_t event;
    DeviceState* home;
    std::vector<cudaEvent_t>& free;
  };

  static RecordedEvent* record(Stream stream, unsigned flags) {
    const cudaStream_t on = native(stream);
    DeviceState& state = use_device(stream.device.index);
    std::vector<cudaEvent_t>& free = flags == cudaEventDefault ? state.free_timed_events : state.free_events;
    cudaEvent_t event = nullptr;
    {
      const std::lock_guard lock(state.mutex);
      if (!free.empty()) {
        event = free.back();
        free.pop_back();
      }
    }
    if (!event) check(cudaEventCreateWithFlags(&event, flags), "cudaEventCreateWithFlags");
    const cudaError_t status = cudaEventRecord(event, on);
    if (status != cudaSuccess) {
      cudaEventDestroy(event);
      check(status, "cudaEventRecord");
    }
    return new RecordedEvent{event, &state, free};
  }
};

}  // namespace

void* allocate_in_order(std::size_t bytes, cudaStream_t stream) {
  if (const auto& graph = recorded_memory()) return graph->allocate(bytes, stream);
  void* data = nullptr;
  cudaError_t status = cudaMallocAsync(&data, bytes, stream);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    int index = 0;
    check(cudaGetDevice(&index), "cudaGetDevice");
    empty_cache(Device::cuda(index));
    status = cudaMallocAsync(&data, bytes, stream);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      fail_out_of_memory(Device::cuda(index), bytes);
    }
  }
  check(status, "cudaMallocAsync");
  return data;
}

void free_in_order(void* data, cudaStream_t stream) noexcept {
  if (const auto& graph = recorded_memory(); graph && graph->free(data, stream)) return;
  if (cudaFreeAsync(data, stream) != cudaSuccess) cudaGetLastError();
}

MemoryStats memory_stats(Device device) {
  const DeviceState& state = use_device(device.index);
  const auto attribute = [&](cudaMemPoolAttr name) {
    std::uint64_t value = 0;
    check(cudaMemPoolGetAttribute(state.pool, name, &value), "cudaMemPoolGetAttribute");
    return static_cast<std::size_t>(value);
  };
  return {attribute(cudaMemPoolAttrUsedMemCurrent), attribute(cudaMemPoolAttrUsedMemHigh),
          attribute(cudaMemPoolAttrReservedMemCurrent), attribute(cudaMemPoolAttrReservedMemHigh)};
}

std::map<void*, std::size_t> memory_by_stream(Device device) {
  DeviceState& state = use_device(device.index);
  const std::lock_guard lock(state.mutex);
  std::map<void*, std::size_t> bytes;
  for (const auto& [data, block] : state.blocks) bytes[block.stream] += block.bytes;
  return bytes;
}

std::size_t available_memory(Device device) {
  const MemoryStats stats = memory_stats(device);  // and the device is this thread's
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
  return free + stats.reserved - stats.in_use;
}

void reset_peak_memory(Device device) {
  const DeviceState& state = use_device(device.index);
  for (const cudaMemPoolAttr name : {cudaMemPoolAttrUsedMemHigh, cudaMemPoolAttrReservedMemHigh}) {
    std::uint64_t zero = 0;  // the only value that these two take: it resets them
    check(cudaMemPoolSetAttribute(state.pool, name, &zero), "cudaMemPoolSetAttribute");
  }
}

void empty_cache(Device device) {
  const DeviceState& state = use_device(device.index);
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  check(cudaMemPoolTrimTo(state.pool, 0), "cudaMemPoolTrimTo");
}

void set_release_threshold(Device device, std::size_t bytes) {
  std::uint64_t threshold = bytes;
  check(cudaMemPoolSetAttribute(use_device(device.index).pool, cudaMemPoolAttrReleaseThreshold, &threshold),
        "cudaMemPoolSetAttribute");
}

}  // namespace cuda

Backend* cuda_backend() {
  static cuda::CudaBackend& backend = *new cuda::CudaBackend;
  return &backend;
}

}  // namespace fornax
