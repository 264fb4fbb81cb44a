#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/dispatch/observer.h"

namespace fornax::profiler {

struct Recording;

struct SessionOptions {
  /// Ops, copies and ranges that are kept, about 400 bytes each; those that end later are counted only.
  std::size_t max_events = std::size_t{1} << 18;
};

/// What all calls of an op, copies from one kind of memory to another, or ranges of a name took together.
struct KeyAverage {
  std::string name;
  dispatch::Activity::Kind kind;
  std::int64_t calls = 0;
  // In seconds; `self` is without what lay in them.
  double cpu_total = 0, cpu_self = 0;        ///< on the threads that made them
  double device_total = 0, device_self = 0;  ///< on the streams of devices; 0 of ranges
};

/// Records what all threads do, from its construction to stop(): ops, with their kernels and operands, copies
/// to and from devices, ranges (fornax/profiler/range.h), and the memory in use. On the CPU an op's time is
/// its kernel's; on a CUDA device it is what enqueueing took, and the stream has a line of its own.
///
///     profiler::Session session;
///     ... some steps ...
///     session.stop();
///     std::fputs(session.table().c_str(), stdout);
///     session.write_trace("trace.json");
///
/// What began before the session or has not ended when it stops is not in it. What a CUDA graph does is one
/// op, "cuda_graph". There is at most one session at a time; it may be made, and stopped, on any thread.
class FORNAX_API Session {
 public:
  /// Does not wait for the device. Throws ValueError if there is another one that was not stopped.
  explicit Session(const SessionOptions& options = {});
  /// Stops it; a failure of the device is left to the next call that works on it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Ends the recording and reads the times of the devices; does nothing the second time. Waits for the
  /// devices that were used. Throws CudaError where one fails: the lines of devices are missing then.
  void stop();

  // All throw ValueError before stop().

  /// Ops and copies, those that took the longest first: on devices, if there were any, else on the CPU. Then
  /// ranges.
  std::vector<KeyAverage> key_averages() const;
  /// The same as text: calls, total and mean time, and the share of all ops and copies (without what lay in
  /// them), of ranges that of the session.
  std::string table() const;
  /// Writes the JSON of Chrome's trace events, which ui.perfetto.dev and chrome://tracing show. Throws
  /// IoError; a part of the file may be there then.
  void write_trace(const std::string& path) const;

 private:
  /// Throws unless it was stopped.
  const Recording& recording() const;

  std::unique_ptr<Recording> recording_;  ///< once it was stopped
};

}  // namespace fornax::profiler
