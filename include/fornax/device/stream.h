#pragma once

#include "fornax/base/export.h"
#include "fornax/device/device.h"

namespace fornax {

/// An ordered queue of work on a device. A cheap value. On the CPU every stream is the same and work is done
/// when the call returns, so all waits are no-ops.
struct Stream {
  Device device;
  /// The backend's handle; null is the device's default stream of Fornax.
  void* handle = nullptr;
  friend constexpr bool operator==(const Stream&, const Stream&) = default;

  /// Waits until all work enqueued so far is done. Waits for the device.
  FORNAX_API void synchronize() const;
};

/// The stream on which this thread's kernels for `device` run.
FORNAX_API Stream current_stream(Device device);

/// Makes `stream` this thread's current stream of its device while alive.
class FORNAX_API StreamGuard {
 public:
  explicit StreamGuard(Stream stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  Stream before_;
};

/// A point in a stream's work that other streams and the host can wait for. Move-only.
class FORNAX_API Event {
 public:
  Event() = default;
  /// Marks the work enqueued on `stream` so far.
  explicit Event(Stream stream);
  /// The same, and notes the time by the device's clock.
  static Event timed(Stream stream);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;

  /// Later work of `stream` starts after the mark. Does not block the host.
  void wait_on(Stream stream) const;
  /// Blocks the host until the mark is reached. Waits for the device.
  void synchronize() const;
  /// True if the mark has been reached. Does not wait.
  bool is_done() const;
  /// From `start` to this mark: both timed, of one device, and reached. On the CPU, which is done at once, 0.
  /// Does not wait.
  double seconds_since(const Event& start) const;

 private:
  Event(Device device, void* handle) : device_(device), handle_(handle) {}

  Device device_;
  void* handle_ = nullptr;
};

}  // namespace fornax
