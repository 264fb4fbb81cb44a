// Policy: each 4 bytes of device and shared memory have a cell: which operation, block and thread wrote there
// last, and which read, with the number of barriers that each had passed, exact to the byte. Two accesses of
// one kernel are ordered by a barrier between them, those of two operations by their clocks, whatever order
// they happened to run in.
#if defined(FORNAX_SIM_TRACKED)

#include "sim/shadow.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "sim/block.h"
#include "sim/byte_counter.h"
#include "sim/call.h"
#include "sim/instrumentation.h"
#include "sim/memory.h"
#include "sim/report.h"
#include "sim/stream.h"

namespace fornax::sim {
namespace {

/// How many threads have read a cell since the barrier of its record.
enum Readers : std::uint8_t { one, of_one_warp, of_one_block, of_several_blocks };

struct Cell {
  // The last writer. Allocating counts as writing, but does not initialise.
  std::uint32_t writer, writer_block;
  std::uint16_t writer_thread, writer_epoch, writer_warp_epoch;
  std::uint8_t written : 4, written_by_operation : 4;  // bytes: by the thread, by all of the operation
  std::uint8_t is_atomic : 1, is_freed : 1, : 2, initialised : 4;
  // The last reader.
  std::uint32_t reader, reader_block;
  std::uint16_t reader_thread, reader_epoch, reader_warp_epoch;
  std::uint8_t read : 4, valid : 4;  // bytes: read by the operation, part of a block or variable
  std::uint8_t readers : 2, has_other_readers : 1, : 1;
  std::uint8_t recorded : 4;  // bytes that the record of readers is about
};
static_assert(sizeof(Cell) == 32);

constinit Cell* device_cells = nullptr;
constinit Cell shared_cells[shared_arena_bytes / 4] = {};

/// Operations that read a cell, were not ordered before its last reader, and are none of those it records.
std::unordered_map<const Cell*, std::vector<std::uint32_t>>& other_readers() {
  static auto& all = *new std::unordered_map<const Cell*, std::vector<std::uint32_t>>;
  return all;
}

Cell* cell_of_device(const void* address) {
  if (!device_cells) {
    void* const memory = mmap(nullptr, span_bytes * max_devices / 4 * sizeof(Cell), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("simulated device: no address space for shadow memory");
      std::abort();
    }
    device_cells = static_cast<Cell*>(memory);
  }
  return device_cells + static_cast<std::size_t>(static_cast<const char*>(address) - device_memory_base) / 4;
}

/// Calls `visit(cell, mask of bytes)` for the cells of a range, until it returns false.
template <class Visit>
void for_cells(Cell* cell, const void* address, std::size_t bytes, Visit visit) {
  std::size_t offset = reinterpret_cast<std::uintptr_t>(address) % 4;
  while (bytes > 0) {
    const std::size_t count = std::min(4 - offset, bytes);
    const unsigned mask = ((1u << count) - 1) << offset;
    if (!visit(*cell, mask)) return;
    bytes -= count;
    offset = 0;
    ++cell;
  }
}

/// Who accesses.
struct Self {
  const Operation& operation;
  bool is_thread = false;  // of a kernel; else the operation as a whole
  std::uint32_t block = 0;
  std::uint16_t thread = 0, epoch = 0, warp_epoch = 0;

  /// True if a barrier lies between the other thread's access and this one.
  bool comes_after(std::uint32_t other_block, std::uint16_t other_thread, std::uint16_t other_epoch,
                   std::uint16_t other_warp_epoch) const {
    if (!is_thread) return true;
    if (other_block != block) return false;
    if (other_thread == thread || other_epoch != epoch) return true;
    return other_thread / 32 == thread / 32 && other_warp_epoch < warp_epoch;
  }
  /// True if the operation with that id has finished before this one begins.
  bool comes_after(std::uint32_t other) const {
    struct Known {
      std::uint32_t self, other;
      bool is_ordered;
    };
    static Known cache[64];
    Known& known = cache[other % 64];
    if (known.self != operation.id || known.other != other) {
      const Operation* const earlier = operation_by_id(other);
      known = {operation.id, other, !earlier || is_ordered(*earlier, operation)};
    }
    return known.is_ordered;
  }
};

class Check {
 public:
  Check(const Self& self, bool is_shared, unsigned kind, const void* after)
      : self_(self), is_shared_(is_shared), kind_(kind), after_(after) {}

  /// False if the access goes astray: the cells after it then say no more.
  bool run(Cell& cell, unsigned mask) const {
    if ((cell.valid & mask) != mask) {
      report_stray(cell);
      return false;
    }
    if ((kind_ & access_read) && (cell.initialised & mask) != mask)
      add("uninitialised-read",
          [&] { return std::string(space()) + " memory that nobody wrote is read" + by(); });
    check_writer(cell, mask);
    if (kind_ & access_write) check_readers(cell, mask);
    if (kind_ & access_write) {
      record_write(cell, mask);
    } else {
      record_read(cell, mask);
    }
    return true;
  }

 private:
  const char* space() const { return is_shared_ ? "shared" : "global"; }
  const char* verb() const { return kind_ & access_write ? " writes" : " reads"; }
  std::string by() const { return self_.is_thread ? " by " + thread_name(self_.block, self_.thread) : ""; }

  template <class Text>
  void add(const char* kind, Text text) const {
    if (!is_reported(kind, after_)) report(kind, text(), after_);
  }

  void report_stray(const Cell& cell) const {
    add(cell.is_freed ? "use-after-free" : "out-of-bounds", [&] {
      return std::string(space()) + (kind_ & access_write ? " memory is written" : " memory is read") + by() +
             (cell.is_freed ? " after it was freed" : " outside of every allocation");
    });
  }

  void add_race(std::uint32_t block, std::uint16_t thread, const char* did) const {
    add("race", [&] {
      return std::string(space()) + ": " + thread_name(self_.block, self_.thread) + verb() + " what " +
             thread_name(block, thread) + did + ", with no barrier between";
    });
  }
  void add_stream_race(std::uint32_t other, const char* did) const {
    if (device_loss() != cudaSuccess) return;  // only frees still run, and no call that orders them works
    const Operation* const earlier = operation_by_id(other);
    const auto named = [](const Operation& operation) {
      return operation.shown_name() + " (stream " + std::to_string(operation.stream) + ")";
    };
    report("stream-race", named(self_.operation) + verb() + " what " + named(*earlier) + did +
                              ", with no event or wait between");
  }

  void check_writer(const Cell& cell, unsigned mask) const {
    if (cell.writer == 0 || (cell.written & mask) == 0) return;
    if (cell.writer == self_.operation.id) {
      if ((kind_ & access_atomic) && cell.is_atomic) return;
      if (!self_.comes_after(cell.writer_block, cell.writer_thread, cell.writer_epoch,
                             cell.writer_warp_epoch))
        add_race(cell.writer_block, cell.writer_thread, " wrote");
    } else if (!self_.comes_after(cell.writer)) {
      add_stream_race(cell.writer, " wrote");
    }
  }

  void check_readers(Cell& cell, unsigned mask) const {
    if (cell.has_other_readers) {
      for (const std::uint32_t reader : other_readers()[&cell])
        if (!self_.comes_after(reader)) add_stream_race(reader, " reads");
      other_readers().erase(&cell);
      cell.has_other_readers = 0;
    }
    if (cell.reader == 0 || (cell.read & mask) == 0) return;
    if (cell.reader != self_.operation.id) {
      if (!self_.comes_after(cell.reader)) add_stream_race(cell.reader, " reads");
    } else if (self_.is_thread && (cell.recorded & mask) != 0 && is_race_with_readers(cell)) {
      add_race(cell.reader_block, cell.reader_thread, " read");
    }
  }

  bool is_race_with_readers(const Cell& cell) const {
    if (cell.reader_block != self_.block || cell.readers == of_several_blocks) return true;
    if (cell.reader_epoch != self_.epoch) return false;
    switch (cell.readers) {
      case of_one_block: return true;
      case of_one_warp:
        return cell.reader_thread / 32 != self_.thread / 32 || cell.reader_warp_epoch >= self_.warp_epoch;
      default:
        return !self_.comes_after(cell.reader_block, cell.reader_thread, cell.reader_epoch,
                                  cell.reader_warp_epoch);
    }
  }

  void record_write(Cell& cell, unsigned mask) const {
    const unsigned before = cell.writer == self_.operation.id ? cell.written_by_operation : 0u;
    cell.written_by_operation = (before | mask) & 15;
    cell.initialised = (cell.initialised | mask) & 15;
    // A thread's plain write stays what others can race with, though it goes on atomically.
    if ((kind_ & access_atomic) && before != 0 && !cell.is_atomic && cell.writer_block == self_.block &&
        cell.writer_thread == self_.thread && cell.writer_epoch == self_.epoch)
      return;
    cell.writer = self_.operation.id;
    cell.writer_block = self_.block;
    cell.writer_thread = self_.thread;
    cell.writer_epoch = self_.epoch;
    cell.writer_warp_epoch = self_.warp_epoch;
    cell.written = mask & 15;
    cell.is_atomic = (kind_ & access_atomic) != 0;
  }

  void record_read(Cell& cell, unsigned mask) const {
    const bool is_same = cell.reader == self_.operation.id;
    const unsigned before = is_same ? cell.read : 0u;
    if (!is_same && cell.reader != 0 && !self_.comes_after(cell.reader)) {
      other_readers()[&cell].push_back(cell.reader);
      cell.has_other_readers = 1;
    }
    Readers readers = one;
    // Of two threads that read neighbouring elements of one cell, the later one is recorded.
    const bool joins = is_same && ((cell.recorded & mask) != 0 ||
                                   (cell.reader_block == self_.block && cell.reader_thread == self_.thread));
    if (joins) {
      if (cell.readers == of_several_blocks || cell.reader_block != self_.block) {
        readers = of_several_blocks;
      } else if (cell.reader_epoch == self_.epoch &&
                 (cell.reader_thread != self_.thread || cell.readers != one)) {
        const bool in_warp = cell.reader_thread / 32 == self_.thread / 32 && cell.readers != of_one_block;
        readers = in_warp ? of_one_warp : of_one_block;
      }
    }
    cell.read = (before | mask) & 15;
    cell.recorded = ((joins ? cell.recorded : 0u) | mask) & 15;
    cell.readers = readers;
    cell.reader = self_.operation.id;
    cell.reader_block = self_.block;
    cell.reader_thread = self_.thread;
    cell.reader_epoch = self_.epoch;
    cell.reader_warp_epoch = self_.warp_epoch;
  }

  const Self& self_;
  bool is_shared_;
  unsigned kind_;
  const void* after_;
};

}  // namespace

void check_thread_access(const void* data, std::size_t bytes, unsigned kind, const void* after) {
  const Thread& thread = *running_thread;
  const Self self{*running_operation(),
                  true,
                  running_block.number,
                  static_cast<std::uint16_t>(thread.number),
                  static_cast<std::uint16_t>(running_block.epoch),
                  static_cast<std::uint16_t>(thread.warp_epoch)};
  const bool is_shared = is_shared_memory(data);
  if (!is_shared) count_bytes(data, bytes, (kind & access_read) != 0, (kind & access_write) != 0);
  if (only_counts_bytes()) return;
  if (!is_shared && device_of(data) != self.operation.device && !is_reported("wrong-device", after))
    report("wrong-device",
           "a kernel of device " + std::to_string(self.operation.device) + " accesses memory of device " +
               std::to_string(device_of(data)),
           after);
  Cell* const cell =
      is_shared ? shared_cells + (static_cast<const char*>(data) - shared_arena) / 4 : cell_of_device(data);
  const Check check(self, is_shared, kind, after);
  for_cells(cell, data, bytes, [&](Cell& one, unsigned mask) { return check.run(one, mask); });
}

void shadow_access(const void* data, std::size_t bytes, Access access) {
  if (only_counts_bytes()) return;
  const Self self{*running_operation()};
  const Check check(self, false, access == Access::write ? access_write : access_read, nullptr);
  for_cells(cell_of_device(data), data, bytes,
            [&](Cell& cell, unsigned mask) { return check.run(cell, mask); });
}

void shadow_begin(const char* data, std::size_t bytes) {
  if (only_counts_bytes()) return;
  const Operation* const operation = running_operation();
  Cell fresh{};
  fresh.writer = operation ? operation->id : 0;
  fresh.written = fresh.valid = 15;
  Cell* const cell = cell_of_device(data);
  std::fill_n(cell, (bytes + 3) / 4, fresh);
  if (bytes % 4 != 0) cell[bytes / 4].valid = (1u << bytes % 4) - 1;
}

void shadow_end(const char* data, std::size_t bytes) {
  if (only_counts_bytes()) return;
  Cell freed{};
  freed.is_freed = 1;
  std::fill_n(cell_of_device(data), (bytes + 3) / 4, freed);
}

void shadow_guard(const char* data, std::size_t bytes) {
  if (only_counts_bytes()) return;
  // The first cell may hold the end of the block.
  const std::size_t shared = reinterpret_cast<std::uintptr_t>(data) % 4;
  std::fill_n(cell_of_device(data) + (shared > 0), (bytes + shared) / 4 - (shared > 0), Cell{});
}

void shadow_begin_shared(std::size_t offset, std::size_t bytes) {
  for_cells(shared_cells + offset / 4, shared_arena + offset, bytes, [](Cell& cell, unsigned mask) {
    cell.valid = mask & 15;
    return true;
  });
}

void shadow_clear_shared(std::size_t bytes) { std::fill_n(shared_cells, (bytes + 3) / 4, Cell{}); }

}  // namespace fornax::sim

#endif  // FORNAX_SIM_TRACKED
