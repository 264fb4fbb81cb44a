#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/simulator.h"

namespace fornax::sim {

/// What has happened before: for each stream, how many of its operations.
using Clock = std::vector<std::uint32_t>;
void join(Clock& clock, const Clock& other);

struct PinnedUse {
  const void* data;
  std::size_t bytes;
  Access access;
};

/// A piece of work of the device. Its clock is fixed when it is enqueued: what is ordered is decided by the
/// program, not by when things happened to run.
struct Operation {
  mutable std::string name;  // empty of a kernel: found by its address when somebody asks
  std::string label;         // of the trace
  const void* kernel = nullptr;
  std::function<void()> run;            // may be empty; destroyed after it has run
  std::function<void()> host_function;  // code of the user's: runs without the lock and without device memory
  std::vector<std::shared_ptr<Operation>> after;  // besides the operation before it in the stream
  std::vector<PinnedUse> pinned;                  // what it accesses of the host's memory
  int device = 0;
  bool is_release = false;  // runs on a lost device too

  // Set by enqueue().
  int stream = 0;
  std::uint32_t id = 0;
  std::uint32_t position = 0;  // in the stream
  Clock clock;

  bool has_started = false, is_done = false;
  std::chrono::steady_clock::time_point done_at;
  std::uint64_t bytes_read = 0, bytes_written = 0;

  const std::string& shown_name() const;
};
using OperationPtr = std::shared_ptr<Operation>;

/// True if `a` has finished before `b` begins, or they are the same.
bool is_ordered(const Operation& a, const Operation& b);

struct Capture;

struct Stream {
  int id = 0;  // 0: the legacy stream
  int device = 0;
  int priority = 0;
  unsigned flags = 0;
  bool is_destroyed = false;
  Clock clock;
  std::deque<OperationPtr> queue;
  // While it captures: operations become nodes of a graph (graph.h).
  std::shared_ptr<Capture> capture;
  std::size_t lane = 0;
  std::vector<std::size_t> frontier;  // the nodes after which the next one comes
};

struct Event {
  int device = 0;
  unsigned flags = 0;
  OperationPtr recorded;  // null: never
  // If it was last recorded in a capture.
  std::shared_ptr<Capture> capture;
  std::vector<std::size_t> frontier;
};

Stream& new_stream(int device);
/// Null, and a report, if there is no such stream (any more). The legacy stream is reported.
Stream* find_stream(cudaStream_t handle);

/// Appends to the stream; runs it at once if the schedule is eager. Null if the stream captures.
OperationPtr enqueue(Stream& stream, Operation operation);
OperationPtr enqueue(Stream& stream, std::string name, std::function<void()> run);

/// Runs one operation whose turn it may be; false if there is none.
bool run_one();
void finish(const Operation& operation);
void finish(const Stream& stream);
void finish_all();

/// The host knows now that the operation, or all of the stream, is done.
void host_saw(const Operation& operation);
void host_saw(const Stream& stream);
void host_saw_all();
/// What the host knows of.
const Clock& host_clock();

/// The operation that this thread is executing, or null.
Operation* running_operation();
/// The operation with this id; null if it was forgotten, which only those are that were not tracked.
const Operation* operation_by_id(std::uint32_t id);

}  // namespace fornax::sim
