#include "fornax/device/stream.h"

#include <exception>
#include <utility>
#include <vector>

#include "device/backends.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"

namespace fornax {
namespace {

/// This thread's current stream of a CUDA device.
Stream& current_slot(Device device) {
  thread_local std::vector<Stream> streams;
  const auto index = static_cast<std::size_t>(device.index);
  while (streams.size() <= index) streams.push_back({Device::cuda(static_cast<int>(streams.size()))});
  return streams[index];
}

}  // namespace

Stream current_stream(Device device) { return device.is_cpu() ? Stream{} : current_slot(device); }

void Stream::synchronize() const {
  if (!device.is_cpu()) backend_of(device.type).synchronize(*this);
}

bool finish_quietly(const Stream& stream) noexcept {
  try {
    stream.synchronize();
    return true;
  } catch (const DeviceLost&) {
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

StreamGuard::StreamGuard(Stream stream) : before_(current_stream(stream.device)) {
  if (!stream.device.is_cpu()) current_slot(stream.device) = stream;
}

StreamGuard::~StreamGuard() {
  if (!before_.device.is_cpu()) current_slot(before_.device) = before_;
}

Event::Event(Stream stream) : Event(stream.device, backend_of(stream.device.type).record_event(stream)) {}

Event Event::timed(Stream stream) {
  return {stream.device, backend_of(stream.device.type).record_timed_event(stream)};
}

Event::~Event() {
  if (handle_) backend_of(device_.type).destroy_event(handle_);
}

Event::Event(Event&& other) noexcept
    : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

void Event::wait_on(Stream stream) const {
  if (handle_) backend_of(device_.type).wait_event(stream, handle_);
}

bool Event::is_done() const { return !handle_ || backend_of(device_.type).query_event(handle_); }

double Event::seconds_since(const Event& start) const {
  return handle_ ? backend_of(device_.type).seconds_between(start.handle_, handle_) : 0;
}

void Event::synchronize() const {
  if (handle_) backend_of(device_.type).synchronize_event(handle_);
}

}  // namespace fornax
