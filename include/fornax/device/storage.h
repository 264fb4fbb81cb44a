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

/// A block of memory on one device, shared by the tensors that view it. It knows its home stream (where it
/// was allocated and where it will be freed in stream order), the other streams that used it, and counts
/// in-place writes.
class FORNAX_API Storage : public RefCounted {
 public:
  /// Uninitialised memory, home on the current stream of `device`. Throws OutOfMemory.
  static Ref<Storage> allocate(std::size_t bytes, Device device);
  /// Host memory that somebody else owns; `release` runs when the last tensor lets go.
  static Ref<Storage> borrow(void* data, std::size_t bytes, std::function<void()> release);

  void* data() const noexcept { return data_; }
  std::size_t bytes() const noexcept { return bytes_; }
  Device device() const noexcept { return home_.device; }
  Stream home() const noexcept { return home_; }
  /// Notes that `stream` works on this memory: it is freed only after the work given to `stream` by then.
  void used_on(Stream stream);
  /// `stream` becomes the home; it waits for the old one.
  void move_home(Stream stream);

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
  std::vector<Stream> users_;
  std::function<void()> release_;
};

FORNAX_API void destroy(Storage* storage) noexcept;

}  // namespace fornax
