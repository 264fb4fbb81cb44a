// The CUDA runtime's functions about streams, events and waiting.
#include <cuda_runtime.h>

#include <set>

#include "sim/call.h"
#include "sim/census.h"
#include "sim/graph.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

using namespace fornax::sim;

namespace {

std::set<Event*>& events() {
  static auto& live = *new std::set<Event*>;
  return live;
}

/// Null, and a report, if there is no such event.
Event* find_event(cudaEvent_t handle) {
  Event* const event = reinterpret_cast<Event*>(handle);
  if (events().contains(event)) return event;
  report("bad-handle", "an event is used that does not exist or was destroyed");
  return nullptr;
}

cudaError_t create_stream(const char* api, cudaStream_t* handle, unsigned flags, int priority) {
  return call(api, [&] {
    if (flags != cudaStreamNonBlocking)
      report("null-stream", "a stream is created that waits for the null stream and is waited for by it");
    Stream& stream = new_stream(current_device());
    stream.flags = flags;
    stream.priority = priority;
    *handle = reinterpret_cast<cudaStream_t>(&stream);
    return cudaSuccess;
  });
}

cudaError_t create_event(const char* api, cudaEvent_t* handle, unsigned flags) {
  return call(api, [&] {
    auto* const event = new Event{current_device(), flags, nullptr};
    events().insert(event);
    *handle = reinterpret_cast<cudaEvent_t>(event);
    return cudaSuccess;
  });
}

/// Lets the device work while the host asks again and again.
void make_progress() { run_one(); }

}  // namespace

extern "C" {

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return call("cudaDeviceGetStreamPriorityRange", [&] {
    if (least) *least = 0;
    if (greatest) *greatest = -5;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return create_stream("cudaStreamCreate", stream, cudaStreamDefault, 0);
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return create_stream("cudaStreamCreateWithFlags", stream, flags, 0);
}
cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return create_stream("cudaStreamCreateWithPriority", stream, flags, priority);
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return release_call("cudaStreamDestroy", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    stream->is_destroyed = true;  // what is pending still runs
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  return call("cudaStreamGetPriority", [&] {
    const Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *priority = stream->priority;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  return call("cudaStreamGetFlags", [&] {
    const Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    *flags = stream->flags;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return call("cudaStreamSynchronize", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t refusal = refuse_wait(*stream); refusal != cudaSuccess) return refusal;
    count_host_wait();
    finish(*stream);
    host_saw(*stream);
    release_beyond_threshold(stream->device);
    return device_loss();
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return call("cudaStreamQuery", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t refusal = refuse_wait(*stream); refusal != cudaSuccess) return refusal;
    make_progress();
    if (!stream->queue.empty()) return cudaErrorNotReady;
    host_saw(*stream);
    return device_loss();
  });
}

cudaError_t cudaDeviceSynchronize() {
  return call("cudaDeviceSynchronize", [&] {
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    count_host_wait();
    finish_all();
    host_saw_all();
    for (int device = 0; device < device_count(); ++device) release_beyond_threshold(device);
    return device_loss();
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t event_handle, unsigned) {
  return call("cudaStreamWaitEvent", [&] {
    Stream* const stream = find_stream(stream_handle);
    const Event* const event = find_event(event_handle);
    if (!stream || !event) return cudaErrorInvalidResourceHandle;
    cudaError_t status = cudaSuccess;
    if (wait_in_capture(*stream, *event, status)) return status;
    if (!event->recorded) {
      report("event-not-recorded",
             "a stream waits for an event that was never recorded: it waits for nothing");
      return cudaSuccess;
    }
    Operation operation;
    operation.name = "wait for event";
    operation.after.push_back(event->recorded);
    enqueue(*stream, std::move(operation));
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  return call("cudaLaunchHostFunc", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    Operation operation;
    operation.name = "host function";
    operation.host_function = [=] { function(data); };
    enqueue(*stream, std::move(operation));
    return cudaSuccess;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return create_event("cudaEventCreate", event, cudaEventDefault);
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return create_event("cudaEventCreateWithFlags", event, flags);
}

cudaError_t cudaEventDestroy(cudaEvent_t handle) {
  return release_call("cudaEventDestroy", [&] {
    Event* const event = find_event(handle);
    if (!event) return cudaErrorInvalidResourceHandle;
    events().erase(event);
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event_handle, cudaStream_t stream_handle) {
  return call("cudaEventRecord", [&] {
    Stream* const stream = find_stream(stream_handle);
    Event* const event = find_event(event_handle);
    if (!stream || !event || stream->device != event->device) return cudaErrorInvalidResourceHandle;
    if (record_in_capture(*stream, *event)) return cudaSuccess;
    event->recorded = enqueue(*stream, "record event", nullptr);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return call("cudaEventQuery", [&] {
    const Event* const event = find_event(handle);
    if (!event) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t refusal = refuse_wait(*event); refusal != cudaSuccess) return refusal;
    if (const cudaError_t refusal = refuse_in_capture(); refusal != cudaSuccess) return refusal;
    if (!event->recorded) return cudaSuccess;
    make_progress();
    if (!event->recorded->is_done) return cudaErrorNotReady;
    host_saw(*event->recorded);
    return device_loss();
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return call("cudaEventSynchronize", [&] {
    const Event* const event = find_event(handle);
    if (!event) return cudaErrorInvalidResourceHandle;
    if (const cudaError_t refusal = refuse_wait(*event); refusal != cudaSuccess) return refusal;
    count_host_wait();
    if (!event->recorded) return cudaSuccess;
    const OperationPtr recorded = event->recorded;
    finish(*recorded);
    host_saw(*recorded);
    return device_loss();
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start_handle, cudaEvent_t end_handle) {
  return call("cudaEventElapsedTime", [&] {
    const Event* const start = find_event(start_handle);
    const Event* const end = find_event(end_handle);
    if (!start || !end || !start->recorded || !end->recorded ||
        ((start->flags | end->flags) & cudaEventDisableTiming) != 0)
      return cudaErrorInvalidResourceHandle;
    if (!start->recorded->is_done || !end->recorded->is_done) return cudaErrorNotReady;
    *milliseconds =
        std::chrono::duration<float, std::milli>(end->recorded->done_at - start->recorded->done_at).count();
    return cudaSuccess;
  });
}

}  // extern "C"

int fornax::sim::live_events() {
  const Lock lock;
  return static_cast<int>(events().size());
}
