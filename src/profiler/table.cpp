#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "profiler/recording.h"

namespace fornax::profiler {
namespace {

using Kind = dispatch::Activity::Kind;

bool is_range(const KeyAverage& average) { return average.kind == Kind::range; }

std::string time_text(double seconds) {
  if (seconds >= 1) return fmt::format("{:.3f} s", seconds);
  if (seconds >= 1e-3) return fmt::format("{:.3f} ms", 1e3 * seconds);
  return fmt::format("{:.3f} us", 1e6 * seconds);
}

/// "  812.100 ms   15.323 ms   41.2%"
std::string times_text(double total, std::int64_t calls, double part, double whole) {
  return fmt::format("{:>12}{:>12}{:>8.1f}%", time_text(total), time_text(total / static_cast<double>(calls)),
                     whole > 0 ? 100 * part / whole : 0);
}

}  // namespace

std::vector<KeyAverage> averages_of(const Recording& recording) {
  std::map<std::pair<Kind, std::string_view>, KeyAverage> by_key;
  for (const Line& line : recording.lines)
    for (const Slice& slice : line.slices) {
      const auto& [kind, name] = std::pair<Kind, const std::string&>(slice.what->kind, slice.what->name);
      KeyAverage& average =
          by_key.try_emplace({kind, name}, KeyAverage{.name = name, .kind = kind}).first->second;
      const double total = 1e-9 * static_cast<double>(slice.end - slice.start);
      const double self = 1e-9 * static_cast<double>(slice.self);
      if (line.device.is_cpu()) {
        ++average.calls;
        average.cpu_total += total;
        average.cpu_self += self;
      } else {
        average.device_total += total;
        average.device_self += self;
      }
    }
  std::vector<KeyAverage> averages;
  averages.reserve(by_key.size());
  for (auto& [key, average] : by_key) averages.push_back(std::move(average));
  std::ranges::sort(averages, [](const KeyAverage& a, const KeyAverage& b) {
    if (is_range(a) != is_range(b)) return is_range(b);
    if (is_range(a)) return a.cpu_total > b.cpu_total;
    return std::pair(a.device_self, a.cpu_self) > std::pair(b.device_self, b.cpu_self);
  });
  return averages;
}

std::string table_of(const Recording& recording) {
  const std::vector<KeyAverage> averages = averages_of(recording);
  std::size_t width = 20;
  double cpu = 0, device = 0;  // of all ops and copies
  for (const KeyAverage& average : averages) {
    width = std::max(width, average.name.size());
    if (is_range(average)) continue;
    cpu += average.cpu_self;
    device += average.device_self;
  }
  std::string text =
      fmt::format("{:<{}}{:>8}{:>12}{:>12}{:>9}", "op", width, "calls", "cpu total", "cpu mean", "share");
  if (device > 0) text += fmt::format("{:>12}{:>12}{:>9}", "cuda total", "cuda mean", "share");
  text += '\n';
  const auto add_name = [&](const KeyAverage& average) {
    text += fmt::format("{:<{}}{:>8}", average.name, width, average.calls);
  };
  const auto ranges = std::ranges::find_if(averages, is_range);
  for (auto row = averages.begin(); row != ranges; ++row) {
    add_name(*row);
    text += times_text(row->cpu_total, row->calls, row->cpu_self, cpu);
    if (device > 0) text += times_text(row->device_total, row->calls, row->device_self, device);
    text += '\n';
  }
  const double duration = 1e-9 * static_cast<double>(recording.duration);
  if (ranges != averages.end())
    text +=
        fmt::format("\n{:<{}}{:>8}{:>12}{:>12}{:>9}\n", "range", width, "calls", "total", "mean", "share");
  for (auto row = ranges; row != averages.end(); ++row) {
    add_name(*row);
    text += times_text(row->cpu_total, row->calls, row->cpu_total, duration) + '\n';
  }
  text += fmt::format("\nin a session of {}", time_text(duration));
  if (recording.dropped > 0)
    text += fmt::format("; {} events beyond its limit (max_events) are missing", recording.dropped);
  return text + '\n';
}

}  // namespace fornax::profiler
