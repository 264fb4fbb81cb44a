// Policy: sizes are rounded up to classes (eight per power of two, so at most 12.5 % is lost). A freed block
// goes to its thread's cache when small, else to the shared cache of its class, and is handed out again from
// there. Threads count their small blocks in shares, so that these cost no atomic operation. Blocks of 2 MiB
// and more are mapped and ask for huge pages; smaller ones come from aligned_alloc. Cached blocks are
// poisoned for AddressSanitizer, so reuse does not hide an overrun or a use after free.
#include "fornax/device/host_memory.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "fornax/base/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, bytes) ((void)(data), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(data, bytes) ((void)(data), (void)(bytes))
#endif

namespace fornax {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t mapped_from = std::size_t{2} << 20;
constexpr std::size_t small_up_to = std::size_t{32} << 10;
constexpr std::size_t small_blocks_per_thread = 64;  // of one class
constexpr int steps_per_octave = 8;
constexpr int class_count = 64 * steps_per_octave;

struct SizeClass {
  int index;
  std::size_t bytes;
};

SizeClass class_of(std::size_t bytes) {
  if (bytes <= alignment * steps_per_octave) {  // multiples of 64 up to 512
    const std::size_t units = std::max<std::size_t>((bytes + alignment - 1) / alignment, 1);
    return {static_cast<int>(units) - 1, units * alignment};
  }
  const int octave = std::bit_width(bytes - 1) - 1;  // 2^octave < bytes <= 2^(octave + 1)
  const int shift = octave - 3;
  const std::size_t steps = (bytes - 1) >> shift;  // 8..15
  return {(octave - 8) * steps_per_octave + static_cast<int>(steps) - steps_per_octave, (steps + 1) << shift};
}

void* ask_system(std::size_t bytes) {
  if (bytes < mapped_from) return std::aligned_alloc(alignment, bytes);
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  madvise(data, bytes, MADV_HUGEPAGE);  // advice only: a refusal costs speed, nothing else
  return data;
}

void give_to_system(void* data, std::size_t bytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  if (bytes < mapped_from)
    std::free(data);
  else
    munmap(data, bytes);
}

using Bins = std::array<std::vector<void*>, class_count>;

/// The cache that all threads share. Never destroyed: thread caches and static tensors may outlive main.
struct SharedCache {
  std::mutex mutex;
  Bins bins;
  std::array<std::size_t, class_count> bytes_of_class{};
  // Signed: a thread may count a free before another one its block.
  std::atomic<std::int64_t> in_use{0}, peak{0};
  std::atomic<std::size_t> reserved{0}, hits{0}, misses{0};

  void* take(SizeClass size) {
    const std::lock_guard lock(mutex);
    std::vector<void*>& bin = bins[static_cast<std::size_t>(size.index)];
    if (bin.empty()) return nullptr;
    void* data = bin.back();
    bin.pop_back();
    return data;
  }
  /// Notes that blocks of this many bytes were handed out (or, if negative, came back).
  void count(std::int64_t bytes, std::size_t new_hits) noexcept {
    if (new_hits > 0) hits.fetch_add(new_hits, std::memory_order_relaxed);
    const std::int64_t now = in_use.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    std::int64_t highest = peak.load(std::memory_order_relaxed);
    while (now > highest && !peak.compare_exchange_weak(highest, now, std::memory_order_relaxed)) {
    }
  }
  bool put(SizeClass size, void* data) noexcept {
    const std::lock_guard lock(mutex);
    const auto index = static_cast<std::size_t>(size.index);
    bytes_of_class[index] = size.bytes;
    try {
      bins[index].push_back(data);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }
  void release_all() {
    const std::lock_guard lock(mutex);
    for (std::size_t i = 0; i < bins.size(); ++i) {
      for (void* data : bins[i]) give_to_system(data, bytes_of_class[i]);
      reserved -= bins[i].size() * bytes_of_class[i];
      bins[i].clear();
    }
  }
};

SharedCache& shared() {
  static SharedCache& cache = *new SharedCache;
  return cache;
}

/// Small blocks of one thread; no lock.
struct ThreadCache {
  Bins bins;
  // What this thread has not told the shared cache yet.
  std::int64_t uncounted_bytes = 0;
  std::size_t uncounted_hits = 0;

  /// As the shared cache's.
  void count(std::int64_t bytes, std::size_t hits) noexcept {
    constexpr std::int64_t share = std::int64_t{64} << 10;
    uncounted_bytes += bytes;
    uncounted_hits += hits;
    if (uncounted_bytes >= share || uncounted_bytes <= -share) tell();
  }
  void tell() noexcept {
    shared().count(std::exchange(uncounted_bytes, 0), std::exchange(uncounted_hits, 0));
  }
  ~ThreadCache() {
    tell();
    flush();
    gone = true;
  }
  void flush() noexcept {
    for (int i = 0; i < class_count; ++i) {
      for (void* data : bins[static_cast<std::size_t>(i)]) {
        const SizeClass size = small_class(i);
        if (!shared().put(size, data)) give_to_system(data, size.bytes);
      }
      bins[static_cast<std::size_t>(i)].clear();
    }
  }
  static SizeClass small_class(int index) {
    if (index < steps_per_octave) return {index, static_cast<std::size_t>(index + 1) * alignment};
    const int octave = index / steps_per_octave + 8, steps = index % steps_per_octave + steps_per_octave;
    return {index, static_cast<std::size_t>(steps + 1) << (octave - 3)};
  }
  /// Set when this thread's cache has been destroyed; later frees of the thread go to the shared cache.
  static thread_local bool gone;
};
thread_local bool ThreadCache::gone = false;

ThreadCache* thread_cache() {
  thread_local ThreadCache cache;
  return ThreadCache::gone ? nullptr : &cache;
}

/// This thread's cache if it keeps blocks of this size.
ThreadCache* cache_for(SizeClass size) { return size.bytes > small_up_to ? nullptr : thread_cache(); }

}  // namespace

void* allocate_host(std::size_t bytes) {
  constexpr std::size_t largest = std::size_t{1} << 48;
  if (bytes > largest)
    throw OutOfMemory("host memory", fmt::format("expected at most 2^48 bytes, got {}", bytes));
  const SizeClass size = class_of(bytes);
  const auto index = static_cast<std::size_t>(size.index);
  const auto counted = static_cast<std::int64_t>(size.bytes);
  ThreadCache* mine = cache_for(size);
  void* data = nullptr;
  if (mine && !mine->bins[index].empty()) {
    data = mine->bins[index].back();
    mine->bins[index].pop_back();
    mine->count(counted, 1);
  } else {
    SharedCache& cache = shared();
    data = cache.take(size);
    const bool hit = data != nullptr;
    if (!hit) {
      data = ask_system(size.bytes);
      if (!data) {
        empty_host_cache();
        data = ask_system(size.bytes);
      }
      if (!data) {
        throw OutOfMemory("host memory",
                          fmt::format("expected {} more bytes from the system, got none; in use {}, held {}",
                                      size.bytes, cache.in_use.load(), cache.reserved.load()));
      }
      cache.reserved.fetch_add(size.bytes, std::memory_order_relaxed);
      cache.misses.fetch_add(1, std::memory_order_relaxed);
    }
    cache.count(counted, hit ? 1 : 0);
  }
  ASAN_POISON_MEMORY_REGION(data, size.bytes);
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  return data;
}

void free_host(void* data, std::size_t bytes) noexcept {
  const SizeClass size = class_of(bytes);
  const auto index = static_cast<std::size_t>(size.index);
  const auto counted = static_cast<std::int64_t>(size.bytes);
  ASAN_POISON_MEMORY_REGION(data, size.bytes);
  ThreadCache* mine = cache_for(size);
  if (mine) {
    mine->count(-counted, 0);
    if (mine->bins[index].size() < small_blocks_per_thread) {
      try {
        mine->bins[index].push_back(data);
        return;
      } catch (const std::bad_alloc&) {  // the cache's own list cannot grow: fall through
      }
    }
  } else {
    shared().count(-counted, 0);
  }
  if (!shared().put(size, data)) {
    give_to_system(data, size.bytes);
    shared().reserved.fetch_sub(size.bytes, std::memory_order_relaxed);
  }
}

HostMemoryStats host_memory_stats() {
  if (ThreadCache* mine = thread_cache()) mine->tell();
  const SharedCache& cache = shared();
  const auto bytes = [](std::int64_t count) {
    return static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  };
  return {bytes(cache.in_use), bytes(cache.peak), cache.reserved, cache.hits, cache.misses};
}

void reset_peak_host_memory() {
  if (ThreadCache* mine = thread_cache()) mine->tell();
  shared().peak = shared().in_use.load();
}

void empty_host_cache() {
  if (ThreadCache* cache = thread_cache()) cache->flush();
  shared().release_all();
}

}  // namespace fornax
