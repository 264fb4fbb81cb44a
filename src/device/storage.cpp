#include "fornax/device/storage.h"

#include <algorithm>
#include <new>
#include <utility>

#include "fornax/device/backend.h"
#include "fornax/device/host_memory.h"

namespace fornax {
namespace {

// A small block of host memory holds its Storage too, in front of the data: one allocation instead of two.
constexpr std::size_t joined_up_to = 4096;
constexpr std::size_t header_bytes = 128;
static_assert(sizeof(Storage) <= header_bytes);

}  // namespace

Ref<Storage> Storage::allocate(std::size_t bytes, Device device) {
  if (device.is_cpu() && bytes <= joined_up_to) {
    auto* block = static_cast<std::byte*>(allocate_host(header_bytes + bytes));
    return Ref<Storage>::first(new (block) Storage(block + header_bytes, bytes, Stream{}, nullptr));
  }
  const Stream stream = current_stream(device);
  void* data = device.is_cpu() ? allocate_host(bytes) : backend_of(device.type).allocate(bytes, stream);
  return Ref<Storage>::first(new Storage(data, bytes, stream, nullptr));
}

bool Storage::is_joined() const noexcept {
  return !release_ && home_.device.is_cpu() && bytes_ <= joined_up_to;
}

Ref<Storage> Storage::borrow(void* data, std::size_t bytes, std::function<void()> release) {
  if (!release) release = [] {};
  return Ref<Storage>::first(new Storage(data, bytes, Stream{}, std::move(release)));
}

Storage::Storage(void* data, std::size_t bytes, Stream home, std::function<void()> release)
    : data_(data), bytes_(bytes), home_(home), release_(std::move(release)) {}

Storage::~Storage() {
  if (release_) {
    release_();
  } else if (home_.device.is_cpu()) {
    if (!is_joined()) free_host(data_, bytes_);
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

void destroy(Storage* storage) noexcept {
  if (!storage->is_joined()) {
    delete storage;
  } else {
    const std::size_t bytes = header_bytes + storage->bytes_;
    storage->~Storage();
    free_host(storage, bytes);
  }
}

}  // namespace fornax
