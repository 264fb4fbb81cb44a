#include "fornax/profiler/session.h"

#include "fornax/base/error.h"
#include "profiler/recorder.h"
#include "profiler/recording.h"

namespace fornax::profiler {

Session::Session(const SessionOptions& options) { recorder().start(options); }

Session::~Session() {
  try {
    stop();
  } catch (const std::exception&) {
  }
}

void Session::stop() {
  if (recording_) return;
  recording_ = std::make_unique<Recording>();
  recorder().stop(*recording_);
}

const Recording& Session::recording() const {
  if (!recording_) throw ValueError("profiler", "expected a session that was stopped, got one under way");
  return *recording_;
}

std::vector<KeyAverage> Session::key_averages() const { return averages_of(recording()); }
std::string Session::table() const { return table_of(recording()); }
void Session::write_trace(const std::string& path) const { profiler::write_trace(path, recording()); }

}  // namespace fornax::profiler
