// Policy: blocks lie 256 bytes apart, with a guard zone of a known pattern behind each; fresh memory is
// filled with bytes that make every floating type NaN. Freed memory is reused late, the longest freed first,
// so that a use after the free is found.
#include "sim/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "sim/access.h"
#include "sim/byte_counter.h"
#include "sim/call.h"
#include "sim/host_memory.h"
#include "sim/poison.h"
#include "sim/report.h"
#include "sim/shadow.h"
#include "sim/stream.h"

namespace fornax::sim {

constinit char* device_memory_base = nullptr;

namespace {

constexpr std::size_t guard_bytes = 256;
constexpr std::size_t huge_page = std::size_t{2} << 20;  // opening and closing memory costs by the page
constexpr std::size_t quarantine_bytes = std::size_t{64} << 20;
constexpr unsigned char guard_pattern = 0xa5, poison = 0xff;
constexpr std::size_t default_limit = std::size_t{4} << 30;

std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }
/// What a block takes of the address space.
std::size_t range_of(std::size_t bytes) { return round_up(bytes, 256) + guard_bytes; }

struct Span {
  char* begin = nullptr;
  std::size_t used = 0;    // never taken beyond this
  std::size_t mapped = 0;  // rounded up to pages
  std::deque<std::pair<char*, std::size_t>> quarantine;
  std::size_t quarantined = 0;
  std::map<char*, std::size_t> free;
  MemoryUse use;
};

struct State {
  Span spans[max_devices];
  std::map<std::uintptr_t, Block> blocks;  // live ones, and freed ones until their place is used again
  std::size_t last_number = 0;
  std::size_t limit = default_limit;
  int devices = 1;
  int open = 0;

  State() {
    void* const memory = mmap(nullptr, span_bytes * max_devices, PROT_NONE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("simulated device: no address space for device memory");
      std::abort();
    }
    device_memory_base = static_cast<char*>(memory);
    for (int device = 0; device < max_devices; ++device)
      spans[device].begin = device_memory_base + span_bytes * static_cast<std::size_t>(device);
    explain_faults();
  }
};
State& state() {
  static State& instance = *new State;
  return instance;
}

constinit thread_local int device_of_thread = 0;

void protect(const Span& span, bool open) {
  if (span.mapped > 0) mprotect(span.begin, span.mapped, open ? PROT_READ | PROT_WRITE : PROT_NONE);
}
void protect_all(bool open) {
  for (const Span& span : state().spans) protect(span, open);
}

void add_free(Span& span, char* begin, std::size_t bytes) {
  auto& blocks = state().blocks;
  blocks.erase(blocks.lower_bound(reinterpret_cast<std::uintptr_t>(begin)),
               blocks.lower_bound(reinterpret_cast<std::uintptr_t>(begin + bytes)));
  const auto next = span.free.lower_bound(begin);
  if (next != span.free.end() && next->first == begin + bytes) {
    bytes += next->second;
    span.free.erase(next);
  }
  auto previous = span.free.lower_bound(begin);
  if (previous != span.free.begin() && (--previous)->first + previous->second == begin) {
    previous->second += bytes;
  } else {
    span.free.emplace(begin, bytes);
  }
}

void shrink_quarantine(Span& span, std::size_t to) {
  while (span.quarantined > to) {
    const auto [begin, bytes] = span.quarantine.front();
    span.quarantine.pop_front();
    span.quarantined -= bytes;
    add_free(span, begin, bytes);
  }
}

char* take_range(Span& span, std::size_t bytes) {
  shrink_quarantine(span, quarantine_bytes);
  for (const bool last_try : {false, true}) {
    if (last_try) shrink_quarantine(span, 0);
    for (auto range = span.free.begin(); range != span.free.end(); ++range) {
      if (range->second < bytes) continue;
      const auto [begin, size] = *range;
      span.free.erase(range);
      if (size > bytes) span.free.emplace(begin + bytes, size - bytes);
      return begin;
    }
    if (span.used + bytes <= span_bytes) {
      char* const begin = span.begin + span.used;
      span.used += bytes;
      const std::size_t mapped = round_up(span.used, huge_page);
      if (mapped > span.mapped) {
        madvise(span.begin + span.mapped, mapped - span.mapped, MADV_HUGEPAGE);
        span.mapped = mapped;
        if (state().open > 0) protect(span, true);
      }
      return begin;
    }
  }
  return nullptr;
}

void check_guard_zone(const Block& block) {
  if (has_asan) return;  // which knows of it at once
  const auto* const end = reinterpret_cast<const unsigned char*>(block.data) + range_of(block.bytes);
  const auto* byte = reinterpret_cast<const unsigned char*>(block.data) + block.bytes;
  const auto* const bad = std::find_if(byte, end, [](unsigned char at) { return at != guard_pattern; });
  if (!block.has_begun || bad == end) return;
  report("out-of-bounds", "memory was written " + std::to_string(bad - byte) +
                              " bytes past the end of block " + std::to_string(block.number) + " of " +
                              std::to_string(block.bytes) + " bytes");
  std::memset(block.data + block.bytes, guard_pattern, range_of(block.bytes) - block.bytes);  // reported once
}

/// Lets others have the block's place, some day.
void retire(const Block& block) {
  Span& span = state().spans[block.device];
  span.quarantine.emplace_back(block.data, range_of(block.bytes));
  span.quarantined += range_of(block.bytes);
}

}  // namespace

int device_count() { return state().devices; }
int& current_device() { return device_of_thread; }

DeviceMemoryOpen::DeviceMemoryOpen() {
  if (state().open++ == 0) protect_all(true);
}
DeviceMemoryOpen::~DeviceMemoryOpen() {
  if (--state().open == 0) protect_all(false);
}
DeviceMemoryClosed::DeviceMemoryClosed() : was_open_(std::exchange(state().open, 0)) {
  if (was_open_ > 0) protect_all(false);
}
DeviceMemoryClosed::~DeviceMemoryClosed() {
  if (was_open_ > 0) protect_all(true);
  state().open += was_open_;
}

Block* new_block(int device, std::size_t bytes, bool pooled) {
  State& all = state();
  Span& span = all.spans[device];
  const std::size_t charged = round_up(bytes, 256);
  if (span.use.pool_used + span.use.unpooled + charged > all.limit) return nullptr;
  char* data = take_range(span, range_of(bytes));
  if (!data) {  // frees may be pending
    finish_all();
    data = take_range(span, range_of(bytes));
    if (!data) return nullptr;
  }
  MemoryUse& use = span.use;
  if (pooled) {
    use.pool_used += charged;
    use.pool_reserved = std::max(use.pool_reserved, use.pool_used);
  } else {
    use.unpooled += charged;
  }
  // What the pool holds and does not use, it gives to the one who asks.
  use.pool_reserved = std::min(use.pool_reserved, all.limit - use.unpooled);
  use.pool_used_high = std::max(use.pool_used_high, use.pool_used);
  use.pool_reserved_high = std::max(use.pool_reserved_high, use.pool_reserved);
  Block& block = all.blocks[reinterpret_cast<std::uintptr_t>(data)];
  block = {data, bytes, ++all.last_number, device, pooled};
  return &block;
}

void begin_block(char* data, std::size_t number) {
  const auto found = state().blocks.find(reinterpret_cast<std::uintptr_t>(data));
  if (found == state().blocks.end() || found->second.number != number) return;  // freed before it began
  Block& block = found->second;
  const std::size_t guard = range_of(block.bytes) - block.bytes;
  const DeviceMemoryOpen open;
  asan_unpoison(block.data, block.bytes + guard);
  shadow_begin(block.data, block.bytes);
  std::memset(block.data, poison, block.bytes);
  std::memset(block.data + block.bytes, guard_pattern, guard);
  shadow_guard(block.data + block.bytes, guard);
  asan_poison(block.data + block.bytes, guard);
  block.has_begun = true;
  block.is_freed = false;
}

void give_back(Block& block) {
  block.is_freeing = true;
  if (block.is_of_graph) return;
  MemoryUse& use = state().spans[block.device].use;
  (block.is_pooled ? use.pool_used : use.unpooled) -= round_up(block.bytes, 256);
}

void end_block(Block& block) {
  const DeviceMemoryOpen open;
  if (block.has_begun) {
    if (running_operation())
      shadow_access(block.data, block.bytes, Access::write);  // whoever else uses it races
    check_guard_zone(block);
    std::memset(block.data, poison, block.bytes);
  }
  shadow_end(block.data, block.bytes);
  asan_poison(block.data, block.bytes);
  block.is_freed = true;
  if (!block.is_of_graph) retire(block);
}

void leave_graph(Block& block) {
  block.is_of_graph = false;
  if (!block.is_freeing) return;
  give_back(block);
  if (!block.is_freed) {
    end_block(block);
  } else {
    retire(block);
  }
}

Block* live_block_at(const void* address) {
  const auto block = state().blocks.find(reinterpret_cast<std::uintptr_t>(address));
  return block != state().blocks.end() && !block->second.is_freeing ? &block->second : nullptr;
}

Block* block_around(const void* address) {
  auto& blocks = state().blocks;
  auto block = blocks.upper_bound(reinterpret_cast<std::uintptr_t>(address));
  if (block == blocks.begin()) return nullptr;
  --block;
  return static_cast<const char*>(address) < block->second.data + range_of(block->second.bytes)
             ? &block->second
             : nullptr;
}

MemoryUse& memory_use(int device) { return state().spans[device].use; }
std::size_t memory_limit() { return state().limit; }
void release_beyond_threshold(int device) {
  MemoryUse& use = memory_use(device);
  if (use.pool_reserved > use.release_threshold)
    use.pool_reserved = std::max<std::size_t>(use.pool_used, use.release_threshold);
}

void check_guard_zones() {
  const DeviceMemoryOpen open;
  for (const auto& [address, block] : state().blocks)
    if (!block.is_freed) check_guard_zone(block);
}

void restore_memory_limit() { state().limit = default_limit; }

void set_memory_limit(std::size_t bytes) {
  const Lock lock;
  state().limit = bytes;
}

void set_device_count(int count) {
  const Lock lock;
  state().devices = std::clamp(count, 0, max_devices);
}

std::vector<Allocation> live_allocations() {
  const Lock lock;
  std::vector<Allocation> live;
  for (const auto& [address, block] : state().blocks)
    if (!block.is_freeing) live.push_back({block.data, block.bytes, block.device, false});
  add_pinned_allocations(live);
  return live;
}

HostAccess::HostAccess() {
  const Lock lock;
  if (state().open++ == 0) protect_all(true);
}
HostAccess::~HostAccess() {
  const Lock lock;
  if (--state().open == 0) protect_all(false);
}

bool access(const void* data, std::size_t bytes, Access kind) {
  if (bytes == 0) return true;
  const char* const what = kind == Access::write ? "writes" : "reads";
  const Block* const block = block_around(data);
  if (!is_device_memory(data) || !block) {
    report("out-of-bounds",
           std::string(what) + " " + std::to_string(bytes) + " bytes where no device memory is");
    return false;
  }
  if (block->is_freed) {
    report("use-after-free",
           std::string(what) + " block " + std::to_string(block->number) + ", which was freed");
    return false;
  }
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(data) - block->data);
  if (offset + bytes > block->bytes) {
    report("out-of-bounds",
           std::string(what) + " bytes " + std::to_string(offset) + " to " + std::to_string(offset + bytes) +
               " of block " + std::to_string(block->number) + ", which has " + std::to_string(block->bytes));
    return false;
  }
  count_bytes(data, bytes, kind == Access::read, kind == Access::write);
  shadow_access(data, bytes, kind);
  return true;
}

bool touch(const void* data, std::size_t bytes, Access kind) {
  const Lock lock;
  return !running_operation() || access(data, bytes, kind);
}

}  // namespace fornax::sim
