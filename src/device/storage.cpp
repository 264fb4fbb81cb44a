#include "fornax/device/storage.h"

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <new>
#include <utility>

#include "device/backends.h"
#include "device/capture.h"
#include "fornax/device/backend.h"
#include "fornax/device/host_memory.h"

namespace fornax {
namespace {

// A small block of host memory holds its Storage too, in front of the data: one allocation instead of two.
constexpr std::size_t joined_up_to = 4096;
constexpr std::size_t header_bytes = 128;
static_assert(sizeof(Storage) <= header_bytes);

/// Storages share a few locks: one each would cost every small tensor 40 bytes.
std::mutex& users_mutex(const Storage* storage) {
  static std::array<std::mutex, 16>& mutexes = *new std::array<std::mutex, 16>;
  return mutexes[reinterpret_cast<std::uintptr_t>(storage) / 64 % mutexes.size()];
}

/// Makes `home` wait for what `user` was given so far. False if that work may go on for longer.
bool wait_in_order(Stream user, Stream home) noexcept {
  try {
    Event(user).wait_on(home);
    return true;
  } catch (const std::exception&) {
    return finish_quietly(user);
  }
}

}  // namespace

Ref<Storage> Storage::allocate(std::size_t bytes, Device device) {
  if (device.is_cpu() && bytes <= joined_up_to) {
    auto* block = static_cast<std::byte*>(allocate_host(header_bytes + bytes));
    return Ref<Storage>::first(new (block) Storage(block + header_bytes, bytes, Stream{}, nullptr));
  }
  const Stream stream = current_stream(device);
  void* data = device.is_cpu() ? allocate_host(bytes) : backend_of(device.type).allocate(bytes, stream);
  Ref<Storage> storage = Ref<Storage>::first(new Storage(data, bytes, stream, nullptr));
  if (Capture* const capture = device.is_cpu() ? nullptr : current_capture()) capture->add(*storage);
  return storage;
}

Ref<Storage> Storage::allocate_pinned(std::size_t bytes) {
  Backend* const cuda = cuda_backend();
  if (!cuda || cuda->device_count(nullptr) == 0) return allocate(bytes, Device::cpu());
  Ref<Storage> storage =
      Ref<Storage>::first(new Storage(cuda->allocate_pinned(bytes), bytes, Stream{}, nullptr));
  storage->pinned_by_ = cuda;
  return storage;
}

bool Storage::is_joined() const noexcept {
  return !release_ && !pinned_by_ && home_.device.is_cpu() && bytes_ <= joined_up_to;
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
  } else if (pinned_by_) {
    pinned_by_->free_pinned(data_, bytes_, users_);
  } else if (home_.device.is_cpu()) {
    if (!is_joined()) free_host(data_, bytes_);
  } else {
    bool done = true;
    for (const Stream& user : users_) done = wait_in_order(user, home_) && done;
    // Memory is lost rather than handed out to others while somebody works on it.
    if (done) backend_of(home_.device.type).deallocate(data_, bytes_, home_);
  }
}

void Storage::ready_for(Stream stream) {
  if (home_.device.is_cpu()) return;
  Capture* const capture = current_capture();
  if (capture) capture->use(*this, stream);
  // Recorded work waits for recorded work only; for what came before it, each of its runs does.
  const auto wait_for = [&](Stream other) {
    if (other != stream && (!capture || capture->records(other))) Event(other).wait_on(stream);
  };
  wait_for(home_);
  if (!has_users_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(users_mutex(this));
  for (const Stream& user : users_) wait_for(user);
  if (stream == home_ && !capture) {  // who comes later waits for the home, which has waited for them
    users_.clear();
    has_users_.store(false, std::memory_order_release);
  }
}

void Storage::used_on(Stream stream) {
  if ((home_.device.is_cpu() && !pinned_by_) || stream == home_) return;
  if (Capture* const capture = current_capture()) capture->use(*this, stream);
  const std::lock_guard lock(users_mutex(this));
  if (std::ranges::find(users_, stream) == users_.end()) users_.push_back(stream);
  has_users_.store(true, std::memory_order_release);
}

void Storage::add_streams(std::vector<Stream>& streams) const {
  if (!home_.device.is_cpu()) streams.push_back(home_);
  const std::lock_guard lock(users_mutex(this));
  streams.insert(streams.end(), users_.begin(), users_.end());
}

void Storage::move_home(Stream stream, const Event& ready) {
  if (home_.device.is_cpu() || stream == home_) return;
  ready.wait_on(stream);
  home_ = stream;
}

void destroy(Storage* storage) noexcept {
  if (!storage->device().is_cpu() || storage->is_pinned()) {
    if (Capture* const capture = current_capture(); capture && capture->takes(*storage)) return;
  }
  if (!storage->is_joined()) {
    delete storage;
  } else {
    const std::size_t bytes = header_bytes + storage->bytes_;
    storage->~Storage();
    free_host(storage, bytes);
  }
}

}  // namespace fornax
