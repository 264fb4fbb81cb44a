// The trace event format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file.h"
#include "fornax/base/error.h"
#include "profiler/recording.h"

namespace fornax::profiler {
namespace {

using Json = nlohmann::ordered_json;

/// A text file that is written as it comes: traces are large.
class TextFile {
 public:
  explicit TextFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "we")) {
    if (!file_) fail("create");
  }
  void write(std::string_view text) {
    if (text.empty()) return;  // an empty view may be null, which fwrite does not allow
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) fail("write");
  }
  /// Called once, last.
  void close() {
    if (std::fclose(file_.release()) != 0) fail("close");
  }

 private:
  [[noreturn]] void fail(std::string_view step) const {
    throw IoError(path_, fmt::format("expected to {} the file, got: {}", step, system_message(errno)));
  }
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// Devices are processes, with numbers from 1: 0 is the idle one for some viewers.
int process_of(Device device) { return device.is_cpu() ? 1 : 2 + device.index; }

double microseconds(std::int64_t nanoseconds) { return 1e-3 * static_cast<double>(nanoseconds); }

const char* category_of(dispatch::Activity::Kind kind) {
  switch (kind) {
    case dispatch::Activity::Kind::op: return "op";
    case dispatch::Activity::Kind::copy: return "copy";
    default: return "range";
  }
}

Json name_event(const char* what, Device device, std::size_t thread, const std::string& name) {
  return {
      {"ph", "M"}, {"name", what}, {"pid", process_of(device)}, {"tid", thread}, {"args", {{"name", name}}}};
}

Json slice_event(const Slice& slice, Device device, std::size_t thread) {
  const dispatch::Activity& what = *slice.what;
  Json args = Json::object();
  if (!what.kernel.empty()) args["kernel"] = what.kernel;
  if (what.dtype) args["dtype"] = name_of(*what.dtype);
  if (!what.operands.empty()) args["operands"] = what.operands;
  if (what.bytes > 0) args["bytes"] = what.bytes;
  return {{"ph", "X"},
          {"name", what.name},
          {"cat", category_of(what.kind)},
          {"pid", process_of(device)},
          {"tid", thread},
          {"ts", microseconds(slice.start)},
          {"dur", microseconds(slice.end - slice.start)},
          {"args", std::move(args)}};
}

Json memory_event(const MemorySample& sample) {
  return {{"ph", "C"},
          {"name", "memory in use"},
          {"pid", process_of(sample.device)},
          {"ts", microseconds(sample.time)},
          {"args", {{"bytes", sample.in_use}}}};
}

}  // namespace

void write_trace(const std::string& path, const Recording& recording) {
  TextFile file(path);
  file.write(
      fmt::format("{{\"displayTimeUnit\":\"ms\",\"otherData\":{{\"dropped_events\":{}}},\"traceEvents\":[\n",
                  recording.dropped));
  std::string_view separator;
  const auto add = [&](const Json& event) {
    file.write(separator);
    // Names that are not UTF-8 get replacement characters.
    file.write(event.dump(-1, ' ', false, Json::error_handler_t::replace));
    separator = ",\n";
  };
  for (std::size_t i = 0; i < recording.lines.size(); ++i) {
    const Line& line = recording.lines[i];
    add(name_event("process_name", line.device, i + 1, to_string(line.device)));
    add(name_event("thread_name", line.device, i + 1, line.name));
    for (const Slice& slice : line.slices) add(slice_event(slice, line.device, i + 1));
  }
  for (const MemorySample& sample : recording.memory) add(memory_event(sample));
  file.write("\n]}\n");
  file.close();
}

}  // namespace fornax::profiler
