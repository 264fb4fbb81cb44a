#include <cstring>

#include "device/backends.h"
#include "fornax/device/backend.h"
#include "fornax/device/host_memory.h"

namespace fornax {
namespace {

/// Work on the CPU is done when the call returns, so streams and events are complete no-ops.
class CpuBackend final : public Backend {
 public:
  int device_count(std::string*) const override { return 1; }
  void* allocate(std::size_t bytes, Stream) override { return allocate_host(bytes); }
  void deallocate(void* data, std::size_t bytes, Stream) noexcept override { free_host(data, bytes); }
  void* allocate_pinned(std::size_t bytes) override { return allocate_host(bytes); }
  void free_pinned(void* data, std::size_t bytes, std::span<const Stream>) noexcept override {
    free_host(data, bytes);
  }
  void copy(void* to, const void* from, std::size_t bytes, Stream) override { std::memcpy(to, from, bytes); }
  void* record_event(Stream) override { return nullptr; }
  void* record_timed_event(Stream) override { return nullptr; }
  void destroy_event(void*) noexcept override {}
  void wait_event(Stream, void*) override {}
  void synchronize_event(void*) override {}
  bool query_event(void*) override { return true; }
  double seconds_between(void*, void*) override { return 0; }
  void synchronize(Stream) override {}
  void begin_range(std::string_view, std::string_view) noexcept override {}
  void end_range() noexcept override {}
};

}  // namespace

Backend& cpu_backend() {
  static CpuBackend backend;
  return backend;
}

}  // namespace fornax
