// Policy: pinned memory is a file of its own in memory, mapped twice: for the user, with guarded pages while
// copies are pending, and for the simulator. Only pages of which a copy covers all that was allocated are
// guarded, so that neighbours in one allocation do not guard each other.
#include "sim/host_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "sim/call.h"

namespace fornax::sim {
namespace {

constexpr std::size_t page = 4096;

struct Pinned {
  std::size_t bytes = 0;
  char* alias = nullptr;  // null of registered memory
};

struct Guard {
  OperationPtr operation;
  char *begin, *end;  // pages
  Access access;
};

struct State {
  std::map<char*, Pinned> blocks;
  std::vector<Guard> guards;
};
State& state() {
  static State& instance = *new State;
  return instance;
}

std::size_t mapped_bytes(std::size_t bytes) { return std::max(page, (bytes + page - 1) / page * page); }

std::map<char*, Pinned>::iterator find(const void* address) {
  auto& blocks = state().blocks;
  char* const at = static_cast<char*>(const_cast<void*>(address));
  auto block = blocks.upper_bound(at);
  if (block == blocks.begin()) return blocks.end();
  --block;
  return at < block->first + std::max<std::size_t>(block->second.bytes, 1) ? block : blocks.end();
}

/// Sets each page of a range to what the guards that are left allow.
void protect(char* begin, char* end, const Operation* except_before) {
  for (char* at = begin; at < end; at += page) {
    int protection = PROT_READ | PROT_WRITE;
    for (const Guard& guard : state().guards) {
      if (at < guard.begin || at >= guard.end) continue;
      if (except_before && is_ordered(*guard.operation, *except_before)) continue;
      protection &= guard.access == Access::write ? PROT_NONE : PROT_READ;
    }
    mprotect(at, page, protection);
  }
}

}  // namespace

void* new_pinned(std::size_t bytes) {
  const std::size_t mapped = mapped_bytes(bytes);
  const int file = memfd_create("pinned", MFD_CLOEXEC);
  if (file < 0) return nullptr;
  void *data = MAP_FAILED, *alias = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(mapped)) == 0) {
    data = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    alias = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  close(file);
  if (data == MAP_FAILED || alias == MAP_FAILED) return nullptr;
  state().blocks[static_cast<char*>(data)] = {bytes, static_cast<char*>(alias)};
  return data;
}

bool free_pinned(void* data) {
  const auto block = state().blocks.find(static_cast<char*>(data));
  if (block == state().blocks.end() || !block->second.alias) return false;
  const std::size_t mapped = mapped_bytes(block->second.bytes);
  std::erase_if(state().guards, [&](const Guard& guard) {
    return guard.begin >= block->first && guard.begin < block->first + mapped;
  });
  munmap(data, mapped);
  munmap(block->second.alias, mapped);
  state().blocks.erase(block);
  return true;
}

bool register_pinned(void* data, std::size_t bytes) {
  if (is_pinned(data)) return false;
  state().blocks[static_cast<char*>(data)] = {bytes, nullptr};
  return true;
}

bool unregister_pinned(void* data) {
  const auto block = state().blocks.find(static_cast<char*>(data));
  if (block == state().blocks.end() || block->second.alias) return false;
  state().blocks.erase(block);
  return true;
}

bool is_pinned(const void* address) { return find(address) != state().blocks.end(); }

void* unguarded(const void* address) {
  char* const at = static_cast<char*>(const_cast<void*>(address));
  const auto block = find(address);
  if (block == state().blocks.end() || !block->second.alias) return at;
  return block->second.alias + (at - block->first);
}

void guard_pinned(const OperationPtr& operation, const void* data, std::size_t bytes, Access access) {
  const auto block = find(data);
  if (block == state().blocks.end() || !block->second.alias || bytes == 0) return;
  const auto begin = static_cast<std::size_t>(static_cast<const char*>(data) - block->first);
  const std::size_t end = begin + bytes;
  const std::size_t first_page = (begin + page - 1) / page;
  const std::size_t last_page =
      end >= block->second.bytes ? mapped_bytes(block->second.bytes) / page : end / page;
  if (first_page >= last_page) return;
  state().guards.push_back(
      {operation, block->first + first_page * page, block->first + last_page * page, access});
  protect(state().guards.back().begin, state().guards.back().end, nullptr);
}

void release_pinned_guards() {
  std::vector<Guard> ended;
  const Clock& host = host_clock();
  std::erase_if(state().guards, [&](const Guard& guard) {
    const auto stream = static_cast<std::size_t>(guard.operation->stream);
    const bool is_known = stream < host.size() && host[stream] >= guard.operation->position;
    if (is_known) ended.push_back(guard);
    return is_known;
  });
  for (const Guard& guard : ended) protect(guard.begin, guard.end, nullptr);
}

bool is_guarded(const void* address) {
  return std::any_of(state().guards.begin(), state().guards.end(),
                     [&](const Guard& guard) { return address >= guard.begin && address < guard.end; });
}

void add_pinned_allocations(std::vector<Allocation>& allocations) {
  for (const auto& [data, block] : state().blocks)
    if (block.alias) allocations.push_back({data, block.bytes, -1, true});
}

HostFunctionScope::HostFunctionScope(const Operation& operation) {
  for (const Guard& guard : state().guards) protect(guard.begin, guard.end, &operation);
}
HostFunctionScope::~HostFunctionScope() {
  for (const Guard& guard : state().guards) protect(guard.begin, guard.end, nullptr);
}

}  // namespace fornax::sim
