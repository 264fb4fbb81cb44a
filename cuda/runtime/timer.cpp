#include "fornax/cuda/timer.h"

#include <memory>
#include <type_traits>

#include "runtime/check.h"
#include "runtime/device_state.h"

namespace fornax::cuda {
namespace {

struct Destroy {
  void operator()(cudaEvent_t event) const { cudaEventDestroy(event); }
};
using TimedEvent = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy>;

/// Marks the work of `stream` so far.
TimedEvent record(Stream stream) {
  const cudaStream_t on = native(stream);
  cudaEvent_t event = nullptr;
  check(cudaEventCreateWithFlags(&event, cudaEventDefault), "cudaEventCreateWithFlags");
  TimedEvent recorded(event);
  check(cudaEventRecord(event, on), "cudaEventRecord");
  return recorded;
}

}  // namespace

StreamTimer::StreamTimer(Stream stream) : stream_(stream), start_(record(stream).release()) {}

StreamTimer::~StreamTimer() { cudaEventDestroy(static_cast<cudaEvent_t>(start_)); }

double StreamTimer::seconds() const {
  const TimedEvent end = record(stream_);
  check(cudaEventSynchronize(end.get()), "cudaEventSynchronize");
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, static_cast<cudaEvent_t>(start_), end.get()),
        "cudaEventElapsedTime");
  return 1e-3 * static_cast<double>(milliseconds);
}

}  // namespace fornax::cuda
