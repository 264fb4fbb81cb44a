#include "fornax/device/storage.h"

#include <algorithm>
#include <utility>

#include "fornax/device/backend.h"
#include "fornax/device/host_memory.h"

namespace fornax {

Ref<Storage> Storage::allocate(std::size_t bytes, Device device) {
  const Stream stream = current_stream(device);
  void* data = device.is_cpu() ? allocate_host(bytes) : backend_of(device.type).allocate(bytes, stream);
  return Ref<Storage>(new Storage(data, bytes, stream, nullptr));
}

Ref<Storage> Storage::borrow(void* data, std::size_t bytes, std::function<void()> release) {
  if (!release) release = [] {};
  return Ref<Storage>(new Storage(data, bytes, Stream{}, std::move(release)));
}

Storage::Storage(void* data, std::size_t bytes, Stream home, std::function<void()> release)
    : data_(data), bytes_(bytes), home_(home), release_(std::move(release)) {}

Storage::~Storage() {
  if (release_) {
    release_();
  } else if (home_.device.is_cpu()) {
    free_host(data_, bytes_);
  } else {
    for (const Stream user : users_) Event(user).wait_on(home_);
    backend_of(home_.device.type).deallocate(data_, bytes_, home_);
  }
}

void Storage::used_on(Stream stream) {
  if (home_.device.is_cpu() || stream == home_) return;
  if (std::ranges::find(users_, stream) == users_.end()) users_.push_back(stream);
}

void Storage::move_home(Stream stream) {
  if (home_.device.is_cpu() || stream == home_) return;
  Event(home_).wait_on(stream);
  home_ = stream;
}

void destroy(Storage* storage) noexcept { delete storage; }

}  // namespace fornax
