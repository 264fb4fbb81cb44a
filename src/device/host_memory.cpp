// Policy: sizes are rounded up to classes (eight per power of two, so at most 12.5 % is lost). A freed block
// goes to its thread's cache when small, else to the shared cache of its class, and is handed out again from
// there. Blocks of 2 MiB and more are mapped and ask for huge pages; smaller ones come from aligned_alloc.
// Cached blocks are poisoned for AddressSanitizer, so reuse does not hide an overrun or a use after free.
#include "fornax/device/host_memory.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
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
  std::atomic<std::size_t> in_use{0}, peak{0}, reserved{0}, hits{0}, misses{0};

  void* take(SizeClass size) {
    const std::lock_guard lock(mutex);
    std::vector<void*>& bin = bins[static_cast<std::size_t>(size.index)];
    if (bin.empty()) return nullptr;
    void* data = bin.back();
    bin.pop_back();
    return data;
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
  ~ThreadCache() {
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

std::vector<void*>* small_bin(SizeClass size) {
  if (size.bytes > small_up_to) return nullptr;
  ThreadCache* cache = thread_cache();
  return cache ? &cache->bins[static_cast<std::size_t>(size.index)] : nullptr;
}

}  // namespace

void* allocate_host(std::size_t bytes) {
  constexpr std::size_t largest = std::size_t{1} << 48;
  if (bytes > largest)
    throw OutOfMemory("host memory", fmt::format("expected at most 2^48 bytes, got {}", bytes));
  const SizeClass size = class_of(bytes);
  SharedCache& cache = shared();
  void* data = nullptr;
  if (std::vector<void*>* bin = small_bin(size); bin && !bin->empty()) {
    data = bin->back();
    bin->pop_back();
  } else {
    data = cache.take(size);
  }
  if (data) {
    cache.hits.fetch_add(1, std::memory_order_relaxed);
  } else {
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
  const std::size_t now = cache.in_use.fetch_add(size.bytes, std::memory_order_relaxed) + size.bytes;
  std::size_t peak = cache.peak.load(std::memory_order_relaxed);
  while (now > peak && !cache.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  ASAN_POISON_MEMORY_REGION(data, size.bytes);
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  return data;
}

void free_host(void* data, std::size_t bytes) noexcept {
  const SizeClass size = class_of(bytes);
  SharedCache& cache = shared();
  cache.in_use.fetch_sub(size.bytes, std::memory_order_relaxed);
  ASAN_POISON_MEMORY_REGION(data, size.bytes);
  if (std::vector<void*>* bin = small_bin(size); bin && bin->size() < small_blocks_per_thread) {
    try {
      bin->push_back(data);
      return;
    } catch (const std::bad_alloc&) {  // the cache's own list cannot grow: fall through
    }
  }
  if (!cache.put(size, data)) {
    give_to_system(data, size.bytes);
    cache.reserved.fetch_sub(size.bytes, std::memory_order_relaxed);
  }
}

HostMemoryStats host_memory_stats() {
  const SharedCache& cache = shared();
  return {cache.in_use, cache.peak, cache.reserved, cache.hits, cache.misses};
}

void reset_peak_host_memory() { shared().peak = shared().in_use.load(); }

void empty_host_cache() {
  if (ThreadCache* cache = thread_cache()) cache->flush();
  shared().release_all();
}

}  // namespace fornax
