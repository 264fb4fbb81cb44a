#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "fornax/data/data_loader.h"

namespace fornax::data {

/// Threads that make the batches of one loop, at most `capacity` ahead of those taken, and give them out in
/// order.
class DataLoader::Workers {
 public:
  using Made = std::vector<Tensor>;

  Workers(int threads, std::int64_t capacity, std::int64_t batches,
          std::function<Made(std::int64_t number)> make);
  /// Each thread ends the batch it is making.
  ~Workers();

  /// Waits for the next batch; throws what making it threw.
  Made take();
  /// True if take() would give a batch at once.
  bool ready() const;

 private:
  struct Slot {
    Made batch;
    std::exception_ptr error;
    bool done = false;
  };
  void work(const std::stop_token& stop);
  Slot make_slot(std::int64_t number) const;
  Slot& slot(std::int64_t number) { return ring_[static_cast<std::size_t>(number % capacity_)]; }

  const std::function<Made(std::int64_t)> make_;
  const std::int64_t capacity_, batches_;
  mutable std::mutex mutex_;  // guards what follows up to the threads
  std::condition_variable_any room_, done_;
  std::vector<Slot> ring_;    // batch n is in slot n modulo capacity
  std::int64_t claimed_ = 0;  // batches that a thread makes or has made
  std::int64_t taken_ = 0;
  std::vector<std::jthread> threads_;  // last: they end before the rest goes
};

}  // namespace fornax::data
