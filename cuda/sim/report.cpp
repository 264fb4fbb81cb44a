// Policy: one finding of a kind for each line of code and operation, as a bug of a kernel shows in every
// thread.
#include "sim/report.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <tuple>
#include <utility>

#include "sim/call.h"
#include "sim/memory.h"
#include "sim/stream.h"
#include "sim/symbols.h"

namespace fornax::sim {
namespace {

struct Findings {
  std::vector<Report> reports;
  std::set<std::tuple<std::string, std::string, std::string>> known;               // kind, operation, text
  std::set<std::tuple<const char*, const void*, const Operation*>> known_by_code;  // kind, code, operation

  Findings() { std::atexit(print_what_nobody_took); }

  static void print_what_nobody_took();
};
Findings& findings() {
  static Findings& instance = *new Findings;
  return instance;
}

void Findings::print_what_nobody_took() {
  constexpr int exit_status = 66;
  if (findings().reports.empty()) return;
  print_reports();
  std::fflush(nullptr);
  _exit(exit_status);
}

/// `line` is where in a kernel it is, or empty.
void add(const char* kind, const std::string& text, const std::string& line) {
  const Operation* const operation = running_operation();
  const std::string name = operation ? operation->shown_name() : "";
  if (!findings().known.insert({kind, name, line.empty() ? text : line}).second) return;
  std::string full = text;
  if (!line.empty()) full += " [" + line + "]";
  if (!name.empty()) full += " in " + name;
  findings().reports.push_back({kind, full});
}

}  // namespace

std::string to_string(const Place& place) {
  const char* const slash = std::strrchr(place.file, '/');
  return std::string(slash ? slash + 1 : place.file) + ":" + std::to_string(place.line);
}

bool is_reported(const char* kind, const void* after) {
  return after && findings().known_by_code.contains({kind, after, running_operation()});
}

void report(const char* kind, const std::string& text, const void* after) {
  const Lock lock;
  if (after && !findings().known_by_code.insert({kind, after, running_operation()}).second) return;
  add(kind, text, after ? source_line(after) : "");
}

void report(const char* kind, const std::string& text, const Place& where) {
  const Lock lock;
  add(kind, text, to_string(where));
}

void print_reports() {
  const std::vector<Report>& reports = findings().reports;
  for (const Report& report : reports)
    std::fprintf(stderr, "SIMULATED DEVICE: %s: %s\n", report.kind.c_str(), report.text.c_str());
  std::fprintf(stderr, "SIMULATED DEVICE: %zu reports\n", reports.size());
}

std::vector<Report> take_reports() {
  const Lock lock;
  finish_all();
  check_guard_zones();
  Findings& all = findings();
  std::vector<Report> reports = std::exchange(all.reports, {});
  all.known.clear();
  all.known_by_code.clear();
  return reports;
}

std::string take_report_text() {
  std::string text;
  for (const Report& report : take_reports()) text += report.kind + ": " + report.text + "\n";
  return text;
}

}  // namespace fornax::sim
