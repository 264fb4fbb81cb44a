#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "fornax/dispatch/observer.h"
#include "profiler/recording.h"

namespace fornax::profiler {

/// The observer of all sessions, one after another. Each thread has a buffer of its own for each of them, and
/// nobody waits for another thread but to hand it over at the end.
class Recorder final : public dispatch::Observer {
 public:
  /// Throws ValueError if a session is under way.
  void start(const SessionOptions& options);
  /// Fills `recording` with what was recorded since. Waits for the devices that were used. Throws CudaError
  /// where one fails, after the lines of the threads were filled.
  void stop(Recording& recording);

  void begin(dispatch::Activity activity) override;
  void end() noexcept override;

 private:
  struct Buffer;
  /// Of this thread: of the session under way, or of an earlier one.
  static std::shared_ptr<Buffer>& thread_buffer();
  /// Makes it that of the session under way. False if there is none.
  bool enter_session(std::shared_ptr<Buffer>& mine);
  std::int64_t now() const;

  std::mutex mutex_;  // of buffers_, and held where a session begins or ends
  std::vector<std::shared_ptr<Buffer>> buffers_;
  std::atomic<std::uint64_t> session_{0};  // under way; 0: none
  std::uint64_t last_session_ = 0;
  // Of the session under way; written while there is none.
  std::chrono::steady_clock::time_point begin_;
  std::size_t max_events_ = 0;
  std::atomic<std::size_t> events_{0};
};

/// Never destroyed: threads may end an activity after main.
Recorder& recorder();

}  // namespace fornax::profiler
