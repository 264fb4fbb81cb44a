#include "runtime/pinned.h"

#include <cuda_runtime.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <vector>

#include "device/backends.h"
#include "fornax/base/error.h"
#include "runtime/check.h"

namespace fornax::cuda {
namespace {

constexpr std::size_t smallest = 4096;  // a page

std::size_t class_of(std::size_t bytes) {
  return static_cast<std::size_t>(std::countr_zero(std::bit_ceil(std::max(bytes, smallest))));
}

/// A block that enqueued work may still use.
struct Busy {
  void* data;
  std::size_t size_class;
  std::vector<Event> events;
};

/// Never destroyed: pinned tensors may outlive main.
struct PinnedPool {
  std::mutex mutex;
  std::array<std::vector<void*>, 64> free;
  std::vector<Busy> busy;

  /// Moves the blocks whose work is done to the free ones.
  void poll() {
    std::erase_if(busy, [&](const Busy& block) {
      // Nothing may be thrown from here: half of the blocks would be in two places. Who cannot be asked is
      // busy; a lost device says so in the next call.
      try {
        if (!std::ranges::all_of(block.events, &Event::is_done)) return false;
        free[block.size_class].push_back(block.data);
        return true;
      } catch (const std::exception&) {
        return false;
      }
    });
  }
  void release_free() {
    for (std::vector<void*>& blocks : free) {
      for (void* data : blocks) cudaFreeHost(data);
      blocks.clear();
    }
  }
};

PinnedPool& pool() {
  static PinnedPool& instance = *new PinnedPool;
  return instance;
}

}  // namespace

void* allocate_pinned(std::size_t bytes) {
  const std::size_t size_class = class_of(bytes);
  PinnedPool& all = pool();
  const std::lock_guard lock(all.mutex);
  all.poll();
  if (std::vector<void*>& blocks = all.free[size_class]; !blocks.empty()) {
    void* data = blocks.back();
    blocks.pop_back();
    return data;
  }
  void* data = nullptr;
  // Portable: every device copies from and to it without a wait.
  cudaError_t status = cudaHostAlloc(&data, std::size_t{1} << size_class, cudaHostAllocPortable);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    all.release_free();
    status = cudaHostAlloc(&data, std::size_t{1} << size_class, cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      throw OutOfMemory("pinned memory",
                        fmt::format("expected {} more bytes of page-locked host memory, got none",
                                    std::size_t{1} << size_class));
    }
  }
  check(status, "cudaHostAlloc");
  return data;
}

void free_pinned(void* data, std::size_t bytes, std::span<const Stream> users) noexcept {
  try {
    Busy block{data, class_of(bytes), {}};
    try {
      for (const Stream& user : users) block.events.emplace_back(user);
    } catch (const Error&) {
      block.events.clear();
      // Where the host cannot wait either the block is lost rather than handed out too early.
      if (!std::ranges::all_of(users, &finish_quietly)) return;
    }
    PinnedPool& all = pool();
    const std::lock_guard lock(all.mutex);
    all.busy.push_back(std::move(block));
  } catch (const std::exception&) {
    // The host has no memory for the list: the block is lost.
  }
}

}  // namespace fornax::cuda
