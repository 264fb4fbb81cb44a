// Policy: times are read from the device as late as possible, when a line has so many marks that those which
// were reached are better used again, or at the end. Clocks of devices have no common zero with the host's:
// each line counts from its first mark, and one anchor a device places them.
#include "profiler/stream_line.h"

#include <cmath>
#include <utility>

namespace fornax::profiler {
namespace {

constexpr std::size_t most_waiting = 256;

std::int64_t nanoseconds_since(const Event& start, const Event& end) {
  return std::llround(1e9 * end.seconds_since(start));
}

}  // namespace

void StreamLine::add(std::shared_ptr<const dispatch::Activity> what, Event start) {
  waiting_.push_back({std::move(what), std::move(start), mark()});
  while (waiting_.size() > most_waiting && waiting_.front().end.is_done()) read();
}

void StreamLine::finish() {
  for (; !waiting_.empty(); read()) waiting_.front().end.synchronize();
}

void StreamLine::read() {
  const Waiting& first = waiting_.front();
  const std::int64_t start = nanoseconds_since(first_, first.start);
  done_.push_back({first.what, start, start + nanoseconds_since(first.start, first.end)});
  waiting_.pop_front();
}

std::vector<Slice> StreamLine::slices(const Anchor& anchor) const {
  const std::int64_t begin = anchor.time - nanoseconds_since(first_, anchor.mark);
  std::vector<Slice> slices = done_;
  for (Slice& slice : slices) {
    slice.start += begin;
    slice.end += begin;
  }
  return slices;
}

}  // namespace fornax::profiler
