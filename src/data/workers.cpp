#include "data/workers.h"

#include <utility>

#include "fornax/base/parallel.h"

namespace fornax::data {

DataLoader::Workers::Workers(int threads, std::int64_t capacity, std::int64_t batches,
                             std::function<Made(std::int64_t)> make)
    : make_(std::move(make)),
      capacity_(capacity),
      batches_(batches),
      ring_(static_cast<std::size_t>(capacity)) {
  for (int i = 0; i < threads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
}

DataLoader::Workers::~Workers() {
  for (std::jthread& thread : threads_) thread.request_stop();  // all at once, then each is joined
}

DataLoader::Workers::Made DataLoader::Workers::take() {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return slot(taken_).done; });
  Slot taken = std::exchange(slot(taken_), {});
  ++taken_;
  lock.unlock();
  room_.notify_one();
  if (taken.error) std::rethrow_exception(taken.error);
  return std::move(taken.batch);
}

bool DataLoader::Workers::ready() const {
  const std::lock_guard lock(mutex_);
  const Slot& next = ring_[static_cast<std::size_t>(taken_ % capacity_)];
  return next.done && !next.error;
}

void DataLoader::Workers::work(const std::stop_token& stop) {
  const SerialGuard serial;
  std::unique_lock lock(mutex_);
  while (room_.wait(lock, stop, [&] { return claimed_ == batches_ || claimed_ < taken_ + capacity_; }) &&
         claimed_ < batches_ && !stop.stop_requested()) {
    const std::int64_t number = claimed_++;
    lock.unlock();
    Slot made = make_slot(number);
    lock.lock();
    slot(number) = std::move(made);
    done_.notify_one();
  }
}

/// The exception must be the slot's alone when another thread sees it, so it is caught before that.
DataLoader::Workers::Slot DataLoader::Workers::make_slot(std::int64_t number) const {
  Slot made{.done = true};
  try {
    made.batch = make_(number);
  } catch (...) {
    made.error = std::current_exception();
  }
  return made;
}

}  // namespace fornax::data
