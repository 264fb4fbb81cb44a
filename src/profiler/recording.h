#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fornax/device/device.h"
#include "fornax/dispatch/observer.h"
#include "fornax/profiler/session.h"

namespace fornax::profiler {

/// When something was done, in nanoseconds since the session began.
struct Slice {
  std::shared_ptr<const dispatch::Activity> what;
  std::int64_t start, end;
  std::int64_t self = 0;  ///< what was not spent in the slices inside of it
};

/// What a thread (of the CPU) or a stream (of another device) did.
struct Line {
  Device device;
  std::string name;
  std::vector<Slice> slices = {};
};

struct MemorySample {
  Device device;
  std::int64_t time;
  std::size_t in_use;  ///< bytes
};

/// What a session has recorded.
struct Recording {
  std::vector<Line> lines;
  std::vector<MemorySample> memory;  ///< by time
  std::int64_t duration = 0;
  std::size_t dropped = 0;  ///< events beyond the limit
};

/// Orders slices by their start, outer before inner, and finds what each spent itself. Slices come in the
/// order of their ends. Of two that overlap the later one is taken to begin where the other one ends: of
/// streams they do so by rounding, or if two threads work on one.
void nest(std::vector<Slice>& slices);

std::vector<KeyAverage> averages_of(const Recording& recording);
std::string table_of(const Recording& recording);
/// Throws IoError.
void write_trace(const std::string& path, const Recording& recording);

}  // namespace fornax::profiler
