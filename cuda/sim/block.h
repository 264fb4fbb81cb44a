#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "sim/fiber.h"
#include "sim/language.h"
#include "sim/place.h"

namespace fornax::sim {

/// A thread of the block that runs. Those that wait keep the fiber on which they began.
struct Thread {
  enum class State : std::uint8_t { running, at_barrier, in_warp_operation, stopped, done };

  uint3 index{};
  unsigned number = 0;  // in the block
  State state = State::running;
  Fiber* fiber = nullptr;

  std::uint32_t warp_epoch = 0;  // how many barriers of its warp it has passed

  // The barrier or warp operation in which it waits.
  Place where;
  std::uint64_t value = 0, result = 0;
  int argument = 0, width = 32;
};

/// The operation in which lanes of a warp meet.
struct Warp {
  unsigned arrived = 0;  // lanes; 0: nobody waits
  unsigned mask = 0;
  WarpOperation operation{};
  Place where;
  std::uint32_t epoch = 0;
};

/// A launch that runs: what its blocks have in common.
struct Grid {
  dim3 dimensions, block_dimensions;
  std::size_t dynamic_shared_bytes = 0;
  Launch launch{};
};

/// The block that runs. There is one at a time.
struct RunningBlock {
  Grid grid;
  uint3 index{};
  unsigned number = 0;  // in the grid
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<unsigned> start_order, ready;
  unsigned next_fresh = 0, finished = 0;
  bool is_stopped = false;  // by a thread that cannot go on

  // The barrier at which threads wait.
  unsigned at_barrier = 0;
  Place barrier;
  std::uint32_t epoch = 0;  // how many barriers of the block its threads have passed
  int votes = 0;
  int vote_result = 0;

  unsigned thread_count() const { return static_cast<unsigned>(threads.size()); }
};

/// Valid while a kernel runs.
extern RunningBlock& running_block;
extern constinit Thread* running_thread;  // null outside of a kernel's code
/// True on the operating system's thread that runs a kernel.
extern constinit thread_local bool runs_kernel;

void run_grid(const Grid& grid);

/// Called on a simulated thread: lets others run until somebody puts it among those that are ready.
void wait_as(Thread::State state);

/// "block 3 thread 17".
std::string running_thread_name();
std::string thread_name(unsigned block, unsigned thread);

// Shared memory of the running block.

inline constexpr std::size_t shared_arena_bytes = 256 << 10;
void begin_shared(std::size_t dynamic_bytes);
void end_shared();
extern constinit char* shared_arena;  // null before the first kernel
inline bool is_shared_memory(const void* address) {
  return static_cast<std::size_t>(static_cast<const char*>(address) - shared_arena) < shared_arena_bytes;
}

}  // namespace fornax::sim
