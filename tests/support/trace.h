#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "fornax/profiler/session.h"
#include "support/files.h"

/// Reads the traces that a profiler writes.
namespace fornax::test {

struct Trace {
  /// Times in nanoseconds.
  struct Slice {
    std::string process, line, name, category;
    std::int64_t start, end;
    nlohmann::json args;

    bool encloses(const Slice& other) const {
      return process == other.process && line == other.line && start <= other.start && other.end <= end;
    }
  };
  struct Counter {
    std::string process;
    std::int64_t time;
    std::int64_t bytes;
  };

  std::vector<Slice> slices;  ///< in the order of the file
  std::vector<Counter> memory;
  std::size_t dropped = 0;

  /// Throws what is wrong with the text.
  explicit Trace(const std::string& text) {
    const nlohmann::json trace = nlohmann::json::parse(text);
    dropped = trace.at("otherData").at("dropped_events");
    std::map<int, std::string> processes;
    std::map<std::pair<int, int>, std::string> lines;
    const auto nanoseconds = [](const nlohmann::json& time) {
      return std::llround(1e3 * time.get<double>());
    };
    for (const nlohmann::json& event : trace.at("traceEvents")) {
      const std::string phase = event.at("ph"), name = event.at("name");
      const int process = event.at("pid");
      if (phase == "M" && name == "process_name") {
        processes[process] = event.at("args").at("name");
      } else if (phase == "M" && name == "thread_name") {
        lines[{process, event.at("tid")}] = event.at("args").at("name");
      } else if (phase == "X") {
        const std::int64_t start = nanoseconds(event.at("ts"));
        slices.push_back({processes.at(process), lines.at({process, event.at("tid")}), name, event.at("cat"),
                          start, start + nanoseconds(event.at("dur")), event.at("args")});
      } else if (phase == "C" && name == "memory in use") {
        memory.push_back({processes.at(process), nanoseconds(event.at("ts")), event.at("args").at("bytes")});
      } else {
        throw std::runtime_error("unexpected event: " + event.dump());
      }
    }
  }

  /// Those of a name on the lines of a process, by their start.
  std::vector<Slice> named(const std::string& name, const std::string& process = "cpu") const {
    std::vector<Slice> found;
    for (const Slice& slice : slices)
      if (slice.name == name && slice.process == process) found.push_back(slice);
    std::ranges::stable_sort(found, {}, &Slice::start);
    return found;
  }
  std::vector<Slice> of_process(const std::string& process) const {
    std::vector<Slice> found;
    for (const Slice& slice : slices)
      if (slice.process == process) found.push_back(slice);
    return found;
  }
  /// Throws unless there is one.
  Slice only(const std::string& name, const std::string& process = "cpu") const {
    const std::vector<Slice> found = named(name, process);
    if (found.size() != 1)
      throw std::runtime_error(std::to_string(found.size()) + " slices are named " + name + ", not one");
    return found.front();
  }
  /// True if of any two slices of a line one encloses the other or they follow one another, outer ones first.
  bool is_nested() const {
    std::map<std::pair<std::string, std::string>, std::vector<const Slice*>> around;
    for (const Slice& slice : slices) {
      std::vector<const Slice*>& open = around[{slice.process, slice.line}];
      while (!open.empty() && open.back()->end <= slice.start) open.pop_back();
      if (!open.empty() && !open.back()->encloses(slice)) return false;
      open.push_back(&slice);
    }
    return true;
  }
};

/// What a session that was stopped writes.
inline Trace trace_of(const profiler::Session& session) {
  const TemporaryDirectory directory;
  session.write_trace(directory / "trace.json");
  return Trace(read_text(directory / "trace.json"));
}

}  // namespace fornax::test
