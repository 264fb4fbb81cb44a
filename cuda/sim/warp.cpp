// Policy: a warp operation ends when all lanes of its mask have come to the same one. A shuffle does not
// order accesses of memory; __syncwarp does.
#include <algorithm>
#include <string>

#include "sim/block.h"
#include "sim/report.h"

namespace fornax::sim {
namespace {

constexpr unsigned lanes_of_warp = 32;

bool is_shuffle(WarpOperation operation) {
  return operation == WarpOperation::shuffle || operation == WarpOperation::shuffle_up ||
         operation == WarpOperation::shuffle_down || operation == WarpOperation::shuffle_xor;
}

/// The lane from which `lane` gets its value; its own where the shuffle leaves its segment of `width` lanes.
unsigned source_of(WarpOperation operation, unsigned lane, int argument, int width) {
  const int self = static_cast<int>(lane), within = self % width, begin = self - within;
  int source = self;
  switch (operation) {
    case WarpOperation::shuffle: source = begin + (argument & (width - 1)); break;
    case WarpOperation::shuffle_up: source = within - argument < 0 ? self : self - argument; break;
    case WarpOperation::shuffle_down: source = within + argument >= width ? self : self + argument; break;
    case WarpOperation::shuffle_xor:
      source = (self ^ argument) >= begin + width ? self : self ^ argument;
      break;
    default: break;
  }
  return static_cast<unsigned>(source);
}

/// All lanes are there: gives each its result and lets them go on.
void complete(Warp& warp, Thread* lanes, unsigned count, const Thread& last) {
  unsigned ballot = 0;
  for (unsigned lane = 0; lane < count; ++lane)
    if (warp.mask >> lane & 1) ballot |= static_cast<unsigned>(lanes[lane].value & 1) << lane;
  if (warp.operation == WarpOperation::sync) ++warp.epoch;
  for (unsigned lane = 0; lane < count; ++lane) {
    if (!(warp.mask >> lane & 1)) continue;
    Thread& thread = lanes[lane];
    switch (warp.operation) {
      case WarpOperation::sync: thread.warp_epoch = warp.epoch; break;
      case WarpOperation::ballot: thread.result = ballot; break;
      case WarpOperation::any: thread.result = ballot != 0; break;
      case WarpOperation::all: thread.result = ballot == warp.mask; break;
      default: {
        unsigned source = source_of(warp.operation, lane, thread.argument, thread.width);
        if (source >= count || !(warp.mask >> source & 1)) {
          report("warp-mask",
                 "lane " + std::to_string(lane) + " shuffles from lane " + std::to_string(source) +
                     ", which is not in the mask or not in the block",
                 warp.where);
          source = lane;
        }
        thread.result = lanes[source].value;
      }
    }
    if (&thread != &last) running_block.ready.push_back(thread.number);
  }
  warp.arrived = 0;
}

}  // namespace

std::uint64_t warp_operation(WarpOperation operation, unsigned mask, std::uint64_t value, int argument,
                             int width, Place where) {
  RunningBlock& block = running_block;
  Thread& self = *running_thread;
  const unsigned lane = self.number % lanes_of_warp, first = self.number - lane;
  const unsigned count = std::min(lanes_of_warp, block.thread_count() - first);
  const unsigned existing = count == lanes_of_warp ? ~0u : (1u << count) - 1;
  Warp& warp = block.warps[self.number / lanes_of_warp];
  if (!(mask >> lane & 1))
    report("warp-mask", "lane " + std::to_string(lane) + " is not in the mask that it gives", where);
  // A full mask means all lanes of the block's last warp too.
  if (mask != ~0u && (mask & ~existing) != 0)
    report("warp-mask", "the mask names lanes that the block does not have", where);
  if (is_shuffle(operation) && (width <= 0 || width > 32 || (width & (width - 1)) != 0)) {
    report("warp-mask", "the width " + std::to_string(width) + " is no power of two up to 32", where);
    width = 32;
  }
  mask = (mask & existing) | 1u << lane;
  if (warp.arrived == 0) {
    warp.mask = mask;
    warp.operation = operation;
    warp.where = where;
  } else if (warp.mask != mask || warp.operation != operation || warp.where != where) {
    report("warp-divergence",
           "lanes of one warp meet in different operations or with different masks, also at " +
               to_string(warp.where),
           where);
  }
  warp.arrived |= 1u << lane;
  self.value = value;
  self.argument = argument;
  self.width = width;
  self.where = where;
  if ((warp.arrived & warp.mask) == warp.mask) {
    complete(warp, &block.threads[first], count, self);
  } else {
    wait_as(Thread::State::in_warp_operation);
  }
  return self.result;
}

}  // namespace fornax::sim
