#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "fornax/base/export.h"
#include "fornax/device/device.h"
#include "fornax/device/stream.h"

namespace fornax {

/// What the tensor core needs from a kind of device. Implemented by src/device/cpu_backend.cpp and by
/// cuda/runtime; a backend that is not built is absent by stub (src/cuda/cuda_absent.cpp), not by #ifdef.
class FORNAX_API Backend {
 public:
  virtual ~Backend() = default;

  /// Devices that work; `why_none` receives the reason when there are none.
  virtual int device_count(std::string* why_none) const = 0;
  /// At least `bytes` bytes, 64-byte aligned, usable by work enqueued on `stream` from now on. Never null,
  /// also for 0 bytes. Throws OutOfMemory.
  virtual void* allocate(std::size_t bytes, Stream stream) = 0;
  /// Gives the block back; work enqueued on `stream` so far may still use it.
  virtual void deallocate(void* data, std::size_t bytes, Stream stream) noexcept = 0;
  /// At least `bytes` bytes of page-locked host memory, 64-byte aligned: copies from and to it are enqueued
  /// without a wait. Never null. Throws OutOfMemory.
  virtual void* allocate_pinned(std::size_t bytes) = 0;
  /// Gives the block back; it is handed out again after the work enqueued on `users` so far.
  virtual void free_pinned(void* data, std::size_t bytes, std::span<const Stream> users) noexcept = 0;
  /// Copies between device memory and host memory (either way), within a device or between two, in order on
  /// `stream`. Pageable memory is read, or written, when the call returns; page-locked memory is not.
  virtual void copy(void* to, const void* from, std::size_t bytes, Stream stream) = 0;
  virtual void* record_event(Stream stream) = 0;
  /// The same, for seconds_between().
  virtual void* record_timed_event(Stream stream) = 0;
  virtual void destroy_event(void* event) noexcept = 0;
  virtual void wait_event(Stream stream, void* event) = 0;
  virtual void synchronize_event(void* event) = 0;
  /// True if the work before the mark is done.
  virtual bool query_event(void* event) = 0;
  /// From one timed mark of a device to another, both reached, by the device's clock.
  virtual double seconds_between(void* start, void* end) = 0;
  virtual void synchronize(Stream stream) = 0;
  /// Begins a range named `op`/`kernel`, or `op` where there is no kernel, on this thread's line of a
  /// profiler, if one is attached; end_range() ends the one that was begun last.
  virtual void begin_range(std::string_view op, std::string_view kernel) noexcept = 0;
  virtual void end_range() noexcept = 0;
};

/// The backend of a kind of device. Throws DeviceError if this build has none.
FORNAX_API Backend& backend_of(DeviceType type);

}  // namespace fornax
