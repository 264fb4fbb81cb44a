#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fornax/device/host_memory.h"

namespace fornax::cpu {

/// Working memory of one kernel call: 64-byte aligned, not initialised, given back to the host allocator's
/// cache at the end of the scope. Throws OutOfMemory.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes) : bytes_(bytes), data_(allocate_host(bytes)) {}
  ~Scratch() {
    if (data_) free_host(data_, bytes_);
  }
  Scratch(Scratch&& other) noexcept : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  Scratch& operator=(Scratch&&) = delete;

  /// Room for `count` elements of T.
  template <class T>
  static Scratch of(std::int64_t count) {
    return Scratch(static_cast<std::size_t>(count) * sizeof(T));
  }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  std::size_t bytes_;
  void* data_;
};

}  // namespace fornax::cpu
