// Policy: streams are queues. Operations run when something waits (or at once, if the schedule is eager), on
// the waiting thread, one at a time, in an order drawn from those that streams and events allow. There are no
// worker threads: their locks would order what the program left unordered, and hide it.
#include "sim/stream.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

#include "sim/call.h"
#include "sim/graph.h"
#include "sim/host_memory.h"
#include "sim/memory.h"
#include "sim/range.h"
#include "sim/report.h"
#include "sim/simulator.h"
#include "sim/symbols.h"

namespace fornax::sim {
namespace {

/// FORNAX_SIM_SCHEDULE=lazy,7 is for programs that do not call set_schedule().
Schedule schedule_of_environment() {
  const char* const text = std::getenv("FORNAX_SIM_SCHEDULE");
  if (!text || !std::string_view(text).starts_with("lazy")) return {};
  const char* const comma = std::strchr(text, ',');
  return {Schedule::lazy, comma ? std::strtoull(comma + 1, nullptr, 10) : 1};
}

struct State {
  Schedule schedule;
  std::mt19937_64 random{1};
  std::vector<std::unique_ptr<Stream>> streams;  // by id; never destroyed
  Clock host;
  std::uint32_t last_id = 0;
  std::vector<OperationPtr> by_id;  // if tracked: shadow memory refers to them
  bool is_tracing = false;
  std::vector<OperationPtr> trace;
  std::chrono::nanoseconds passed{0};  // that the device's clock is ahead of the host's

  State() : schedule(schedule_of_environment()) {
    random.seed(schedule.seed);
    streams.push_back(std::make_unique<Stream>());
  }
};
State& state() {
  static State& instance = *new State;
  return instance;
}

constinit thread_local Operation* running = nullptr;

bool may_run(const Operation& operation) {
  return !operation.has_started && std::all_of(operation.after.begin(), operation.after.end(),
                                               [](const OperationPtr& other) { return other->is_done; });
}

void execute(const OperationPtr& operation) {
  operation->has_started = true;
  running = operation.get();
  if (operation->run && (device_loss() == cudaSuccess || operation->is_release)) {
    const DeviceMemoryOpen open;
    operation->run();
  }
  running = nullptr;
  if (operation->host_function && device_loss() == cudaSuccess) {
    const HostFunctionScope scope(*operation);
    const Unlocked unlocked;
    in_host_function() = true;
    operation->host_function();
    in_host_function() = false;
  }
  operation->is_done = true;
  operation->done_at = std::chrono::steady_clock::now() + state().passed;
  operation->run = nullptr;
  operation->host_function = nullptr;
  operation->after.clear();
}

/// Runs operations until `done`.
template <class Done>
void run_until(Done done) {
  while (!done()) {
    if (run_one()) continue;
    if (done()) return;
    const auto& streams = state().streams;
    if (std::any_of(streams.begin(), streams.end(), [](const auto& stream) {
          return !stream->queue.empty() && stream->queue.front()->has_started;
        })) {
      wait_for_host_function();  // another thread executes it
    } else {
      report("deadlock", "the host waits, and no operation can run");
      return;
    }
  }
}

}  // namespace

void join(Clock& clock, const Clock& other) {
  if (clock.size() < other.size()) clock.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

const std::string& Operation::shown_name() const {
  if (name.empty() && kernel) name = function_name(kernel);
  return name;
}

bool is_ordered(const Operation& a, const Operation& b) {
  if (a.stream == b.stream) return a.position <= b.position;
  const auto stream = static_cast<std::size_t>(a.stream);
  return stream < b.clock.size() && b.clock[stream] >= a.position;
}

Stream& new_stream(int device) {
  auto stream = std::make_unique<Stream>();
  stream->id = static_cast<int>(state().streams.size());
  stream->device = device;
  state().streams.push_back(std::move(stream));
  return *state().streams.back();
}

Stream* find_stream(cudaStream_t handle) {
  const auto& streams = state().streams;
  if (!handle || handle == cudaStreamLegacy || handle == cudaStreamPerThread) {
    report("null-stream", "work on the null stream, which waits for all others");
    return streams[0].get();
  }
  for (const auto& stream : streams)
    if (reinterpret_cast<cudaStream_t>(stream.get()) == handle && !stream->is_destroyed) return stream.get();
  report("bad-handle", "a stream is used that does not exist or was destroyed");
  return nullptr;
}

OperationPtr enqueue(Stream& stream, Operation operation) {
  State& all = state();
  if (stream.capture) {
    capture_operation(stream, std::move(operation));
    return nullptr;
  }
  auto shared = std::make_shared<Operation>(std::move(operation));
  join(stream.clock, all.host);
  const auto id = static_cast<std::size_t>(stream.id);
  if (stream.clock.size() <= id) stream.clock.resize(id + 1);
  for (const OperationPtr& other : shared->after) join(stream.clock, other->clock);
  shared->position = ++stream.clock[id];
  shared->clock = stream.clock;
  shared->stream = stream.id;
  shared->device = stream.device;
  shared->id = ++all.last_id;
  if (is_tracked()) {
    all.by_id.resize(shared->id + std::size_t{1});
    all.by_id[shared->id] = shared;
  }
  if (all.is_tracing) {
    shared->range = current_range();
    all.trace.push_back(shared);
  }
  stream.queue.push_back(shared);
  for (const PinnedUse& use : shared->pinned) guard_pinned(shared, use.data, use.bytes, use.access);
  if (all.schedule.kind == Schedule::eager) finish(*shared);
  return shared;
}

OperationPtr enqueue(Stream& stream, std::string name, std::function<void()> run) {
  Operation operation;
  operation.name = std::move(name);
  operation.run = std::move(run);
  return enqueue(stream, std::move(operation));
}

bool run_one() {
  State& all = state();
  std::vector<Stream*> ready;
  for (const auto& stream : all.streams)
    if (!stream->queue.empty() && may_run(*stream->queue.front())) ready.push_back(stream.get());
  if (ready.empty()) return false;
  Stream& stream = *ready[all.random() % ready.size()];
  const OperationPtr operation = stream.queue.front();
  execute(operation);
  stream.queue.pop_front();  // only now: the next one must not overtake a host function
  return true;
}

void finish(const Operation& operation) {
  const DeviceMemoryOpen open;
  run_until([&] { return operation.is_done; });
}
void finish(const Stream& stream) {
  const DeviceMemoryOpen open;
  run_until([&] { return stream.queue.empty(); });
}
void finish_all() {
  const DeviceMemoryOpen open;
  const auto& streams = state().streams;
  run_until([&] {
    return std::all_of(streams.begin(), streams.end(),
                       [](const auto& stream) { return stream->queue.empty(); });
  });
}

void host_saw(const Operation& operation) {
  join(state().host, operation.clock);
  release_pinned_guards();
}
void host_saw(const Stream& stream) {
  join(state().host, stream.clock);
  release_pinned_guards();
}
void host_saw_all() {
  for (const auto& stream : state().streams) join(state().host, stream->clock);
  release_pinned_guards();
}
const Clock& host_clock() { return state().host; }

Operation* running_operation() { return running; }
const Operation* operation_by_id(std::uint32_t id) {
  return id < state().by_id.size() ? state().by_id[id].get() : nullptr;
}

void set_schedule(Schedule schedule) {
  const Lock lock;
  state().schedule = schedule;
  state().random.seed(schedule.seed);
}

void start_trace() {
  const Lock lock;
  state().trace.clear();
  state().is_tracing = true;
}

std::vector<TracedOperation> take_trace() {
  const Lock lock;
  finish_all();
  std::vector<TracedOperation> trace;
  for (const OperationPtr& operation : std::exchange(state().trace, {}))
    trace.push_back({operation->shown_name(), operation->range, operation->id, operation->stream,
                     operation->position, operation->clock, operation->bytes_read, operation->bytes_written});
  state().is_tracing = false;
  return trace;
}

bool happens_before(const TracedOperation& a, const TracedOperation& b) {
  if (a.stream == b.stream) return a.position < b.position;
  const auto stream = static_cast<std::size_t>(a.stream);
  return stream < b.clock.size() && b.clock[stream] >= a.position;
}

void pass_time(std::chrono::nanoseconds time) { state().passed += time; }

cudaError_t enqueue_host_op(std::string name, cudaStream_t handle, std::function<void()> work) {
  return call("library", [&] {
    Stream* const stream = find_stream(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    enqueue(*stream, std::move(name), std::move(work));
    return cudaSuccess;
  });
}

}  // namespace fornax::sim
