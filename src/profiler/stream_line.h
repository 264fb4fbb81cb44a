#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "fornax/device/stream.h"
#include "profiler/recording.h"

namespace fornax::profiler {

/// A point in the work of a device, and when it was reached by the clock of the session.
struct Anchor {
  Event mark;
  std::int64_t time;
};

/// What one thread gives a stream to do, timed by marks before and after it.
class StreamLine {
 public:
  explicit StreamLine(Stream stream) : stream_(stream), first_(Event::timed(stream)) {}

  Stream stream() const { return stream_; }
  Event mark() const { return Event::timed(stream_); }
  /// What was enqueued since the mark `start`. Does not wait.
  void add(std::shared_ptr<const dispatch::Activity> what, Event start);
  /// Waits until all of it is done.
  void finish();
  /// After finish(): all of it, by an anchor that was set after that.
  std::vector<Slice> slices(const Anchor& anchor) const;

 private:
  struct Waiting {
    std::shared_ptr<const dispatch::Activity> what;
    Event start, end;
  };
  /// Turns the first that waits, which must be done, into a slice.
  void read();

  Stream stream_;
  Event first_;
  std::deque<Waiting> waiting_;
  std::vector<Slice> done_;  ///< by the time since `first_`
};

}  // namespace fornax::profiler
