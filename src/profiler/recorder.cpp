#include "profiler/recorder.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "device/capture.h"
#include "fornax/base/error.h"
#include "fornax/cuda/memory.h"
#include "fornax/device/host_memory.h"
#include "profiler/stream_line.h"

namespace fornax::profiler {
namespace {

/// What has begun and not ended.
struct Open {
  std::shared_ptr<const dispatch::Activity> what;
  std::int64_t start = 0;
  StreamLine* line = nullptr;
  std::optional<Event> mark = {};  ///< before its work on the stream of `line`, where that is timed
};

/// While a graph is recorded nothing runs that could be timed, and much must not be asked.
bool works_on_device(const dispatch::Activity& activity) {
  return !activity.stream.device.is_cpu() && !current_capture();
}

template <class T, class From>
void append(std::vector<T>& to, From from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// The line of a stream, which is added if it is new.
Line& line_of(Stream stream, std::vector<std::pair<Stream, Line>>& lines) {
  const auto found = std::ranges::find(lines, stream, &std::pair<Stream, Line>::first);
  if (found != lines.end()) return found->second;
  const auto others = std::ranges::count_if(
      lines, [&](const auto& line) { return line.first.device == stream.device && line.first.handle; });
  return lines
      .emplace_back(stream,
                    Line{.device = stream.device,
                         .name = stream.handle ? "stream " + std::to_string(others + 1) : "default stream"})
      .second;
}

/// Of samples of a device that follow each other and are equal the first stays.
void sort_and_thin(std::vector<MemorySample>& samples) {
  std::ranges::stable_sort(samples, {}, &MemorySample::time);
  std::map<int, std::size_t> last;
  std::erase_if(samples, [&](const MemorySample& sample) {
    const auto [place, is_first] =
        last.try_emplace(sample.device.is_cpu() ? -1 : sample.device.index, sample.in_use);
    return !is_first && std::exchange(place->second, sample.in_use) == sample.in_use;
  });
}

/// What a thread records in a session.
struct Content {
  std::vector<Open> open;
  std::deque<Slice> slices;
  std::deque<MemorySample> memory;
  std::deque<StreamLine> streams;

  StreamLine& line_of(Stream stream) {
    const auto found = std::ranges::find(streams, stream, &StreamLine::stream);
    return found != streams.end() ? *found : streams.emplace_back(stream);
  }
};

/// The lines of streams, and the place of the devices' clocks. Waits for the devices.
std::vector<std::pair<Stream, Line>> lines_of_streams(std::deque<Content>& threads,
                                                      const std::function<std::int64_t()>& now) {
  for (Content& thread : threads)
    for (StreamLine& line : thread.streams) line.finish();
  std::map<int, Anchor> anchors;
  std::vector<std::pair<Stream, Line>> lines;
  for (const Content& thread : threads)
    for (const StreamLine& part : thread.streams) {
      const Device device = part.stream().device;
      auto anchor = anchors.find(device.index);
      if (anchor == anchors.end()) {
        Event mark = Event::timed({device});
        mark.synchronize();
        anchor = anchors.emplace(device.index, Anchor{std::move(mark), now()}).first;
      }
      append(line_of(part.stream(), lines).slices, part.slices(anchor->second));
    }
  return lines;
}

}  // namespace

struct Recorder::Buffer {
  explicit Buffer(std::uint64_t number) : session(number) {}

  const std::uint64_t session;
  std::mutex mutex;        // of what follows
  bool is_closed = false;  // the session has ended
  Content content;
};

std::shared_ptr<Recorder::Buffer>& Recorder::thread_buffer() {
  thread_local std::shared_ptr<Buffer> buffer;
  return buffer;
}

std::int64_t Recorder::now() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin_)
      .count();
}

void Recorder::start(const SessionOptions& options) {
  const std::lock_guard lock(mutex_);
  if (session_ != 0) throw ValueError("profiler", "expected one session at a time, got a second one");
  max_events_ = options.max_events;
  events_ = 0;
  begin_ = std::chrono::steady_clock::now();
  session_ = ++last_session_;
  dispatch::set_observer(this);
}

bool Recorder::enter_session(std::shared_ptr<Buffer>& mine) {
  const std::uint64_t session = session_;
  if (session == 0) return false;
  if (mine && mine->session == session) return true;
  auto fresh = std::make_shared<Buffer>(session);
  const std::lock_guard lock(mutex_);
  if (session_ != session) return false;
  buffers_.push_back(fresh);
  mine = std::move(fresh);
  return true;
}

void Recorder::begin(dispatch::Activity activity) {
  auto& mine = thread_buffer();
  if (!enter_session(mine)) return;
  auto what = std::make_shared<const dispatch::Activity>(std::move(activity));
  const std::lock_guard lock(mine->mutex);
  if (mine->is_closed) return;
  Content& content = mine->content;
  content.open.push_back({.what = std::move(what)});
  Open& open = content.open.back();
  if (works_on_device(*open.what)) {
    try {
      open.line = &content.line_of(open.what->stream);
      open.mark = open.line->mark();
    } catch (const std::exception&) {
      // What the device lacks the call that is observed will say.
    }
  }
  open.start = now();
}

void Recorder::end() noexcept {
  const auto& mine = thread_buffer();
  if (!mine) return;
  const std::lock_guard lock(mine->mutex);
  Content& content = mine->content;
  if (mine->is_closed || content.open.empty()) return;  // it began before the session
  const std::int64_t end = now();
  Open open = std::move(content.open.back());
  content.open.pop_back();
  if (events_.fetch_add(1, std::memory_order_relaxed) >= max_events_) return;
  try {
    content.slices.push_back({open.what, open.start, end});
    if (open.mark) open.line->add(open.what, *std::move(open.mark));
    content.memory.push_back({Device::cpu(), end, host_memory_stats().in_use});
    if (const Device device = open.what->stream.device; works_on_device(*open.what))
      content.memory.push_back({device, end, cuda::memory_stats(device).in_use});
  } catch (const std::exception&) {
    // As in begin().
  }
}

void Recorder::stop(Recording& recording) {
  const std::lock_guard lock(mutex_);
  recording.duration = now();
  dispatch::set_observer(nullptr);
  session_ = 0;
  std::deque<Content> threads;
  for (const auto& buffer : std::exchange(buffers_, {})) {
    const std::lock_guard closing(buffer->mutex);
    buffer->is_closed = true;
    threads.push_back(std::exchange(buffer->content, {}));
  }
  if (events_ > max_events_) recording.dropped = events_ - max_events_;
  for (Content& thread : threads) {
    append(recording.memory, std::move(thread.memory));
    Line line{.device = Device::cpu(), .name = "thread " + std::to_string(recording.lines.size() + 1)};
    append(line.slices, std::move(thread.slices));
    nest(line.slices);
    recording.lines.push_back(std::move(line));
  }
  sort_and_thin(recording.memory);
  for (auto& [stream, line] : lines_of_streams(threads, [this] { return now(); })) {
    nest(line.slices);
    recording.lines.push_back(std::move(line));
  }
}

Recorder& recorder() {
  static Recorder& instance = *new Recorder;
  return instance;
}

}  // namespace fornax::profiler
