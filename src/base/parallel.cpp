#include "fornax/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "fornax/base/error.h"

// The pool: workers sleep on one atomic word, the gate. A parallel_for opens the gate; workers that come
// while it is open take pieces; the caller takes pieces too, closes the gate when none is left and waits only
// for workers that had come in. So a worker that wakes late delays nobody, and a short loop never waits for a
// sleeping thread.
namespace fornax {
namespace {

thread_local bool serial = false;  // this thread is inside a parallel_for, or under a SerialGuard

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// One parallel_for: pieces are taken in order by whoever is free.
struct Loop {
  std::int64_t begin, pieces, size,
      longer;  // the first `longer` pieces hold size + 1 indices, the others size
  FunctionRef<void(std::int64_t, std::int64_t)> body;
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;  // written by the one who set `failed`, read after all have left

  void run_pieces() {
    for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < pieces;) {
      const std::int64_t first = begin + i * size + std::min(i, longer);
      try {
        body(first, first + size + (i < longer ? 1 : 0));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

class Pool {
 public:
  explicit Pool(int threads) : spin_(threads <= static_cast<int>(std::thread::hardware_concurrency())) {
    try {
      for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Pool() { stop(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(Loop& loop) {
    loop_ = &loop;
    const std::uint32_t opened =
        (gate_.load(std::memory_order_relaxed) & generation_mask) + generation + open;
    gate_.store(opened, std::memory_order_release);
    gate_.notify_all();
    loop.run_pieces();
    std::uint32_t gate = gate_.fetch_and(~open, std::memory_order_acq_rel) & ~open;
    while ((gate & inside_mask) != 0) gate = wait_for_change(gate);
  }

 private:
  // The gate's bits: how many workers are inside, whether it is open, and which loop it is.
  static constexpr std::uint32_t inside_mask = 0xffff, open = 1u << 16, generation = 1u << 17;
  static constexpr std::uint32_t generation_mask = ~(inside_mask | open);

  /// Spins for some microseconds, the usual distance between two kernels, before it sleeps.
  std::uint32_t wait_for_change(std::uint32_t seen) const {
    std::uint32_t now = gate_.load(std::memory_order_acquire);
    for (int i = 0; spin_ && now == seen && i < 500; ++i) {
      relax();
      now = gate_.load(std::memory_order_acquire);
    }
    if (now == seen) gate_.wait(seen, std::memory_order_acquire);
    return gate_.load(std::memory_order_acquire);
  }

  void work() {
    serial = true;
    std::uint32_t done = 0;  // the generation that this worker has served
    for (std::uint32_t gate = gate_.load(std::memory_order_acquire);; gate = wait_for_change(gate)) {
      if (stopping_.load(std::memory_order_relaxed)) return;
      while ((gate & open) != 0 && (gate & generation_mask) != done) {
        if (!gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) continue;
        done = gate & generation_mask;
        loop_->run_pieces();
        gate = gate_.fetch_sub(1, std::memory_order_acq_rel) - 1;
        if ((gate & (open | inside_mask)) == 0) gate_.notify_all();
      }
    }
  }

  void stop() {
    stopping_.store(true, std::memory_order_relaxed);
    gate_.fetch_add(generation, std::memory_order_release);
    gate_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  alignas(64) std::atomic<std::uint32_t> gate_{generation};
  std::atomic<bool> stopping_{false};
  Loop* loop_ = nullptr;
  bool spin_;
  std::vector<std::thread> workers_;
};

constexpr int most_threads = 1024;

int threads_from_environment() {
  const char* text = std::getenv("FORNAX_NUM_THREADS");
  if (text == nullptr)
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, most_threads);
  int threads = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, threads);
  if (error != std::errc() || rest != end || threads < 1 || threads > most_threads) {
    throw ValueError("num_threads",
                     fmt::format("expected FORNAX_NUM_THREADS to be 1 to {}, got '{}'", most_threads, text));
  }
  return threads;
}

std::atomic<int>& wanted_threads() {
  static std::atomic<int> threads = threads_from_environment();
  return threads;
}

/// The pool and the right to use it, if nobody else is using it now.
struct Shared {
  std::mutex in_use;
  std::optional<Pool> pool;
};
Shared& shared() {
  static Shared instance;
  return instance;
}

}  // namespace

int num_threads() { return wanted_threads().load(std::memory_order_relaxed); }

void set_num_threads(int threads) {
  if (threads < 1 || threads > most_threads) {
    throw ValueError("set_num_threads",
                     fmt::format("expected 1 to {} threads, got {}", most_threads, threads));
  }
  wanted_threads().store(threads, std::memory_order_relaxed);
}

void parallel_for(std::int64_t begin, std::int64_t end, std::int64_t grain,
                  FunctionRef<void(std::int64_t, std::int64_t)> body) {
  const std::int64_t count = end - begin;
  if (count <= 0) return;
  // Four pieces a thread even out their differences; more would cost more than they save.
  const int threads = serial ? 1 : num_threads();
  const std::int64_t pieces = std::min<std::int64_t>(count / std::max<std::int64_t>(grain, 1), threads * 4);
  if (threads == 1 || pieces <= 1) return body(begin, end);
  Shared& resource = shared();
  const std::unique_lock lock(resource.in_use, std::try_to_lock);
  if (!lock.owns_lock()) return body(begin, end);
  if (!resource.pool || resource.pool->threads() != threads) {
    resource.pool.reset();
    resource.pool.emplace(threads);
  }
  Loop loop{begin, pieces, count / pieces, count % pieces, body};
  const SerialGuard guard;
  resource.pool->run(loop);
  if (loop.error) std::rethrow_exception(loop.error);
}

SerialGuard::SerialGuard() : before_(serial) { serial = true; }
SerialGuard::~SerialGuard() { serial = before_; }

}  // namespace fornax
