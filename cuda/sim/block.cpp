// Policy: the threads of a block share one operating system thread. A thread runs until it waits at a barrier
// or in a warp operation; those that never wait run one after the other on one fiber, without a switch.
// Blocks run one after the other.
#include "sim/block.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>

#include "sim/never_destroyed.h"
#include "sim/report.h"

namespace fornax::sim {

constinit static NeverDestroyed<RunningBlock> the_block;
constinit RunningBlock& running_block = the_block.value;
constinit Thread* running_thread = nullptr;
constinit thread_local bool runs_kernel = false;

namespace {

constinit std::uint64_t order_seed = 0;
constinit NeverDestroyed<std::vector<Fiber*>> idle_fiber_list;
constinit auto& idle_fibers = idle_fiber_list.value;
constinit NeverDestroyed<std::vector<unsigned>> batch_list;
constinit Fiber* starting_fiber = nullptr;

/// Starts fresh threads until one of them waits: then it is that thread's fiber.
[[gnu::noinline]] void run_fresh_threads(Fiber& fiber) {
  RunningBlock& block = running_block;
  const Launch& launch = block.grid.launch;
  while (block.next_fresh < block.thread_count()) {
    Thread& thread = block.threads[block.start_order[block.next_fresh++]];
    thread.fiber = &fiber;
    thread.state = Thread::State::running;
    thread.warp_epoch = 0;
    running_thread = &thread;
    launch.run(launch.arguments);
    // It may have waited in between, and others may have run.
    running_thread->state = Thread::State::done;
    ++block.finished;
  }
  running_thread = nullptr;
}

void fiber_main() {
  Fiber& fiber = *starting_fiber;
  fiber.begin();
  for (;;) {
    run_fresh_threads(fiber);
    idle_fibers.push_back(&fiber);
    fiber.suspend();
  }
}

Fiber& idle_fiber() {
  if (idle_fibers.empty()) return *new Fiber(fiber_main);
  Fiber& fiber = *idle_fibers.back();
  idle_fibers.pop_back();
  return fiber;
}

void report_stuck_block() {
  const RunningBlock& block = running_block;
  unsigned at_barrier = 0, in_warp_operation = 0;
  const Thread* shown = nullptr;
  for (const Thread& thread : block.threads) {  // all have started
    if (thread.state == Thread::State::at_barrier) {
      ++at_barrier;
      shown = &thread;
    } else if (thread.state == Thread::State::in_warp_operation) {
      ++in_warp_operation;
      if (!shown) shown = &thread;
    }
  }
  report(at_barrier > 0 ? "barrier-divergence" : "warp-divergence",
         std::to_string(at_barrier) + " threads of block " + std::to_string(block.number) +
             " wait at a barrier and " + std::to_string(in_warp_operation) + " in a warp operation (" +
             (shown ? to_string(shown->where) : "?") +
             "), which nobody ends: " + std::to_string(block.finished) + " of " +
             std::to_string(block.thread_count()) + " threads have returned");
}

void abandon_block() {
  const RunningBlock& block = running_block;
  for (unsigned i = 0; i < block.next_fresh; ++i) {
    const Thread& thread = block.threads[block.start_order[i]];
    if (thread.state == Thread::State::done) continue;
    thread.fiber->restart();
    idle_fibers.push_back(thread.fiber);
  }
}

void run_ready_threads(std::mt19937_64& random) {
  RunningBlock& block = running_block;
  std::vector<unsigned>& batch = batch_list.value;
  batch.clear();
  batch.swap(block.ready);
  if (order_seed != 0) std::shuffle(batch.begin(), batch.end(), random);
  for (const unsigned number : batch) {
    running_thread = &block.threads[number];
    running_thread->state = Thread::State::running;
    running_thread->fiber->resume();
    if (block.is_stopped) return;
  }
}

/// False if the block got stuck or was stopped.
bool run_block(std::mt19937_64& random) {
  RunningBlock& block = running_block;
  for (Warp& warp : block.warps) warp = {};
  block.next_fresh = block.finished = block.at_barrier = block.epoch = 0;
  block.votes = 0;
  block.ready.clear();
  if (order_seed != 0) std::shuffle(block.start_order.begin(), block.start_order.end(), random);
  begin_shared(block.grid.dynamic_shared_bytes);
  block.is_stopped = false;
  while (block.finished < block.thread_count()) {
    if (block.is_stopped) {
      abandon_block();
      return false;
    }
    if (block.next_fresh < block.thread_count()) {
      starting_fiber = &idle_fiber();
      starting_fiber->resume();
    } else if (!block.ready.empty()) {
      run_ready_threads(random);
    } else {
      running_thread = nullptr;
      report_stuck_block();
      abandon_block();
      return false;
    }
  }
  running_thread = nullptr;
  end_shared();
  return true;
}

void prepare(const Grid& grid) {
  RunningBlock& block = running_block;
  block.grid = grid;
  const dim3 dimensions = grid.block_dimensions;
  const unsigned count = dimensions.x * dimensions.y * dimensions.z;
  block.threads.resize(count);
  block.warps.resize((count + 31) / 32);
  block.start_order.resize(count);
  std::iota(block.start_order.begin(), block.start_order.end(), 0u);
  for (unsigned i = 0; i < count; ++i) {
    Thread& thread = block.threads[i];
    thread.number = i;
    thread.index = {i % dimensions.x, i / dimensions.x % dimensions.y, i / (dimensions.x * dimensions.y)};
  }
}

}  // namespace

void run_grid(const Grid& grid) {
  prepare(grid);
  runs_kernel = true;
  const dim3 size = grid.dimensions;
  const std::uint64_t count = std::uint64_t{size.x} * size.y * size.z;
  std::mt19937_64 random(order_seed);
  std::vector<std::uint32_t> order;  // empty: ascending
  if (order_seed != 0 && count > 1 && count <= UINT32_MAX) {
    order.resize(count);
    std::iota(order.begin(), order.end(), 0u);
    std::shuffle(order.begin(), order.end(), random);
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = order.empty() ? i : order[i];
    running_block.number = static_cast<unsigned>(number);
    running_block.index = {static_cast<unsigned>(number % size.x),
                           static_cast<unsigned>(number / size.x % size.y),
                           static_cast<unsigned>(number / size.x / size.y)};
    if (!run_block(random)) break;
  }
  runs_kernel = false;
}

void wait_as(Thread::State state) {
  Thread& self = *running_thread;
  self.state = state;
  self.fiber->suspend();
}

int block_barrier(Vote vote, bool predicate, Place where) {
  RunningBlock& block = running_block;
  Thread& self = *running_thread;
  if (block.at_barrier == 0) {
    block.barrier = where;
  } else if (block.barrier != where) {
    report("barrier-divergence",
           "threads of one block wait at different barriers, also at " + to_string(block.barrier), where);
  }
  self.where = where;
  if (predicate) ++block.votes;
  if (++block.at_barrier < block.thread_count()) {
    wait_as(Thread::State::at_barrier);
  } else {
    const int votes = block.votes;
    block.vote_result = vote == Vote::count ? votes
                        : vote == Vote::any ? votes > 0
                                            : votes == static_cast<int>(block.thread_count());
    block.at_barrier = 0;
    block.votes = 0;
    ++block.epoch;
    for (unsigned number = 0; number < block.thread_count(); ++number)
      if (number != self.number) block.ready.push_back(number);
  }
  return block.vote_result;  // the next barrier does not end before this thread comes to it
}

void stop_misaligned(std::size_t bytes, Place where) {
  report("misaligned",
         running_thread_name() + " accesses " + std::to_string(bytes) +
             " bytes at an address that is no multiple of that",
         where);
  running_block.is_stopped = true;
  wait_as(Thread::State::stopped);
  std::abort();  // nobody resumes it
}

uint3 thread_index() noexcept { return running_thread->index; }
uint3 block_index() noexcept { return running_block.index; }
dim3 block_dimensions() noexcept { return running_block.grid.block_dimensions; }
dim3 grid_dimensions() noexcept { return running_block.grid.dimensions; }

std::string thread_name(unsigned block, unsigned thread) {
  return "block " + std::to_string(block) + " thread " + std::to_string(thread);
}
std::string running_thread_name() {
  return running_thread ? thread_name(running_block.number, running_thread->number) : "";
}

void set_thread_order(std::uint64_t seed) { order_seed = seed; }

}  // namespace fornax::sim
