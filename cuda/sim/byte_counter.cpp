// Policy: each 16 bytes of device memory have a cell: which operation was here last, and which of the bytes
// it has read and written. A cell of another operation counts as empty, so nothing is ever cleared.
#include "sim/byte_counter.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sim/memory.h"
#include "sim/simulator.h"
#include "sim/stream.h"

namespace fornax::sim {
namespace {

constexpr std::size_t cell_bytes = 16;

struct Cell {
  std::uint32_t operation;
  std::uint16_t read, written;
};

constinit bool only_counting = false;

Cell* cells() {
  static Cell* const all = [] {
    void* const memory = mmap(nullptr, span_bytes * max_devices / cell_bytes * sizeof(Cell),
                              PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      std::perror("simulated device: no address space for counting bytes");
      std::abort();
    }
    return static_cast<Cell*>(memory);
  }();
  return all;
}

/// Adds `mask` to `seen`; how many bytes of it are new.
unsigned add(std::uint16_t& seen, unsigned mask) {
  const unsigned fresh = mask & ~unsigned{seen};
  seen = static_cast<std::uint16_t>(seen | mask);
  return static_cast<unsigned>(std::popcount(fresh));
}

}  // namespace

void count_bytes(const void* data, std::size_t bytes, bool reads, bool writes) {
  Operation& operation = *running_operation();
  const auto offset = static_cast<std::size_t>(static_cast<const char*>(data) - device_memory_base);
  Cell* cell = cells() + offset / cell_bytes;
  for (std::size_t at = offset % cell_bytes; bytes > 0; at = 0, ++cell) {
    const std::size_t count = std::min(cell_bytes - at, bytes);
    const unsigned mask = ((1u << count) - 1) << at;
    if (cell->operation != operation.id) *cell = {operation.id, 0, 0};
    if (reads) operation.bytes_read += add(cell->read, mask);
    if (writes) operation.bytes_written += add(cell->written, mask);
    bytes -= count;
  }
}

void only_count_bytes() { only_counting = true; }
bool only_counts_bytes() { return only_counting; }

}  // namespace fornax::sim
