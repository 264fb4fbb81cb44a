#include "fornax/cuda/timer.h"

namespace fornax::cuda {

StreamTimer::StreamTimer(Stream stream) : stream_(stream), start_(Event::timed(stream)) {}

double StreamTimer::seconds() const {
  const Event end = Event::timed(stream_);
  end.synchronize();
  return end.seconds_since(start_);
}

}  // namespace fornax::cuda
