#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "fornax/device/storage.h"

namespace fornax {

/// What storages and ops tell a recording of this thread's work, which is then enqueued again and again
/// (fornax/cuda/graph.h).
class Capture {
 public:
  virtual ~Capture() = default;

  /// True if work given to `stream` is recorded, not run.
  virtual bool records(Stream stream) const = 0;
  /// Work on `stream` uses a storage, which is kept as long as the recording. Throws CudaError unless the
  /// stream is recorded.
  virtual void use(Storage& storage, Stream stream) = 0;
  /// A storage was allocated by the recorded work.
  virtual void add(Storage& storage) = 0;
  /// Nobody refers to a storage any more. True if the recording destroys it later, as what was done with it
  /// before cannot be waited for now.
  virtual bool takes(Storage& storage) noexcept = 0;

  /// A place in device memory.
  struct Place {
    Ref<Storage> storage;
    std::size_t offset;
  };
  /// A place that holds `first` in the first run of the work, and what `next` writes in each later one.
  virtual Place renewed(const std::vector<std::byte>& first, std::function<void(std::byte*)> next) = 0;
};

/// Of this thread; null while nothing is recorded.
Capture* current_capture() noexcept;

/// Makes `capture` this thread's while alive.
class CaptureScope {
 public:
  explicit CaptureScope(Capture& capture) noexcept;
  ~CaptureScope();
  CaptureScope(const CaptureScope&) = delete;
  CaptureScope& operator=(const CaptureScope&) = delete;
};

}  // namespace fornax
