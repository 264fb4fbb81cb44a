#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/base/ref.h"
#include "fornax/device/stream.h"

namespace fornax {

class Backend;

/// A block of memory on one device, shared by the tensors that view it. It knows its home stream (where it
/// was allocated and where it will be freed in stream order), the other streams that used it, and counts
/// in-place writes.
class FORNAX_API Storage : public RefCounted {
 public:
  /// Uninitialised memory, home on the current stream of `device`. Throws OutOfMemory.
  static Ref<Storage> allocate(std::size_t bytes, Device device);
  /// Page-locked host memory, to and from which a device copies while the host goes on; plain host memory
  /// where no device works. Throws OutOfMemory.
  static Ref<Storage> allocate_pinned(std::size_t bytes);
  /// Host memory that somebody else owns; `release` runs when the last tensor lets go.
  static Ref<Storage> borrow(void* data, std::size_t bytes, std::function<void()> release);

  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  Device device() const noexcept { return home_.device; }
  Stream home() const noexcept { return home_; }
  /// True if a device copies from and to it without a wait.
  bool is_pinned() const noexcept { return pinned_by_ != nullptr; }
  /// Makes `stream` wait for all that other streams have been given to do with this memory so far. Does not
  /// block the host. Thread-safe, as used_on is.
  void ready_for(Stream stream);
  /// Notes that `stream` works on this memory: later users wait for that, and it is freed only afterwards.
  void used_on(Stream stream);
  /// Appends the home and the other streams that work on this memory.
  void add_streams(std::vector<Stream>& streams) const;
  /// `stream` becomes the home and waits for `ready`, a mark in the work of the old home after its last work
  /// on this memory. No other stream may have used it.
  void move_home(Stream stream, const Event& ready);

  std::uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }
  /// The version of the last in-place write that autograd recorded: a view from before it does not have the
  /// history that its memory has.
  std::uint32_t recorded_version() const noexcept {
    return recorded_version_.load(std::memory_order_relaxed);
  }
  void note_recorded_write() noexcept { recorded_version_.store(version(), std::memory_order_relaxed); }

 private:
  Storage(void* data, std::size_t bytes, Stream home, std::function<void()> release);
  ~Storage();
  friend void destroy(Storage* storage) noexcept;
  /// True if this object and the data are one block.
  bool is_joined() const noexcept;

  void* data_;
  std::size_t bytes_;
  Stream home_;
  std::atomic<std::uint32_t> version_{0}, recorded_version_{0};
  /// Streams other than the home that have worked on this memory since the home last waited for them. Guarded
  /// by a lock of storage.cpp; on the CPU always empty.
  std::vector<Stream> users_;
  std::atomic<bool> has_users_{false};
  std::function<void()> release_;
  Backend* pinned_by_ = nullptr;  ///< the backend of page-locked memory
};

FORNAX_API void destroy(Storage* storage) noexcept;

}  // namespace fornax
