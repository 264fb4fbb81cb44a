// Policy: state of a device is made on first use and never destroyed, so that static tensors may die after
// main; streams are non-blocking and live as long as the process.
#include "runtime/device_state.h"

#include <fmt/core.h>

#include <cstdint>
#include <memory>

#include "fornax/base/error.h"
#include "runtime/check.h"

namespace fornax::cuda {
namespace {

struct Discovery {
  int count = 0;
  std::string why_none;

  Discovery() {
    int found = 0;
    const cudaError_t status = cudaGetDeviceCount(&found);
    if (status != cudaSuccess) {
      cudaGetLastError();
      why_none =
          fmt::format("the CUDA driver says: {} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
    } else if (found == 0) {
      why_none = "the CUDA driver found no device";
    } else {
      count = found;
    }
  }
};

const Discovery& discovery() {
  static const Discovery& instance = *new Discovery;
  return instance;
}

struct States {
  std::mutex mutex;
  std::vector<std::unique_ptr<DeviceState>> by_index;
};
States& states() {
  static States& instance = *new States;
  return instance;
}

cudaStream_t make_stream(int priority) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority),
        "cudaStreamCreateWithPriority");
  return stream;
}

}  // namespace

DeviceState::DeviceState(int device) : index(device) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, index), "cudaGetDeviceProperties");
  model = properties.name;
  check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, index),
        "cudaDeviceGetAttribute");
  check(cudaDeviceGetDefaultMemPool(&pool, index), "cudaDeviceGetDefaultMemPool");
  // What is freed stays in the pool: giving it back at each synchronisation costs more than a training step.
  std::uint64_t threshold = UINT64_MAX;
  check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold),
        "cudaMemPoolSetAttribute");
  default_stream = make_stream(0);
  graph_memory_stream = make_stream(0);
}

int count_devices(std::string* why_none) {
  const Discovery& found = discovery();
  if (why_none && found.count == 0) *why_none = found.why_none;
  return found.count;
}

DeviceState& device_state(int index) {
  const Discovery& found = discovery();
  if (index < 0 || index >= found.count) {
    const Device device = Device::cuda(index);
    throw DeviceError("device", found.count == 0 ? fmt::format("expected {} to exist, got none: {}",
                                                               to_string(device), found.why_none)
                                                 : fmt::format("expected one of {} CUDA devices, got {}",
                                                               found.count, to_string(device)));
  }
  States& all = states();
  const std::lock_guard lock(all.mutex);
  all.by_index.resize(static_cast<std::size_t>(found.count));
  std::unique_ptr<DeviceState>& state = all.by_index[static_cast<std::size_t>(index)];
  if (!state) {
    check(cudaSetDevice(index), "cudaSetDevice");
    state = std::make_unique<DeviceState>(index);
  }
  return *state;
}

DeviceState& use_device(int index) {
  // What this thread used last: the way of nearly every launch, without a lock.
  thread_local DeviceState* current = nullptr;
  if (!current || current->index != index) {
    DeviceState& state = device_state(index);
    check(cudaSetDevice(index), "cudaSetDevice");
    current = &state;
  }
  return *current;
}

void fail_if_lost(std::string_view call) {
  int device = 0;
  check(cudaGetDevice(&device), call);
  const cudaError_t status = cudaStreamQuery(device_state(device).default_stream);
  try {
    if (status != cudaErrorNotReady) check(status, call);
  } catch (const DeviceLost&) {
    throw;
  } catch (const Error&) {  // it may not be asked while its work is captured
  }
  cudaGetLastError();
}

cudaStream_t native(Stream stream) {
  const DeviceState& state = use_device(stream.device.index);
  return stream.handle ? static_cast<cudaStream_t>(stream.handle) : state.default_stream;
}

Stream stream_from_pool(Device device, StreamPriority priority) {
  if (device.is_cpu()) throw DeviceError("stream_from_pool", "expected a CUDA device, got cpu");
  constexpr std::size_t streams_of_a_priority = 32;
  DeviceState& state = use_device(device.index);
  const std::lock_guard lock(state.mutex);
  const auto which = static_cast<std::size_t>(priority);
  std::vector<cudaStream_t>& streams = state.streams[which];
  const std::size_t next = state.next_stream[which] % streams_of_a_priority;
  if (next == streams.size()) {
    int lowest = 0, highest = 0;
    check(cudaDeviceGetStreamPriorityRange(&lowest, &highest), "cudaDeviceGetStreamPriorityRange");
    streams.push_back(make_stream(priority == StreamPriority::high ? highest : 0));
  }
  ++state.next_stream[which];  // not before the stream is there
  return {device, streams[next]};
}

void* native_handle(Stream stream) {
  if (stream.device.is_cpu())
    throw DeviceError("native_handle", "expected a stream of a CUDA device, got cpu");
  return native(stream);
}

}  // namespace fornax::cuda
