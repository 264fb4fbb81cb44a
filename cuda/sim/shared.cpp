// Policy: a block's shared memory is handed out as its threads reach the variables, with guard zones between
// them, and filled with poison: it keeps nothing from block to block.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/block.h"
#include "sim/never_destroyed.h"
#include "sim/poison.h"
#include "sim/report.h"
#include "sim/shadow.h"

namespace fornax::sim {

constinit char* shared_arena = nullptr;

namespace {

constexpr std::size_t zone_bytes = 64;
constexpr std::size_t least_alignment = 16;
constexpr unsigned char zone_pattern = 0xa5, poison = 0xff;
constexpr std::size_t limit_of_block = 48 << 10;  // without opting in to more

struct Variable {
  const char* name;
  std::size_t offset, bytes;
};

constinit std::size_t used = 0;      // with guard zones
constinit std::size_t charged = 0;   // what a device would count
constinit std::uint64_t serial = 0;  // of the block
constinit std::size_t dynamic_bytes_of_block = 0, dynamic_offset = 0;
constinit NeverDestroyed<std::vector<Variable>> variable_list;
constinit auto& variables = variable_list.value;

std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

std::size_t place_variable(const char* name, std::size_t bytes, std::size_t alignment) {
  const std::size_t offset = round_up(used, std::max(alignment, least_alignment));
  const std::size_t zone = round_up(offset + bytes + zone_bytes, least_alignment);
  if (zone > shared_arena_bytes) {
    std::fprintf(stderr, "simulated device: %s takes %zu bytes of shared memory\n", name, bytes);
    std::abort();
  }
  used = zone;
  asan_unpoison(shared_arena + offset, bytes);
  std::memset(shared_arena + offset, poison, bytes);
  if (!has_asan) std::memset(shared_arena + offset + bytes, zone_pattern, zone - offset - bytes);
  shadow_begin_shared(offset, bytes);
  variables.push_back({name, offset, bytes});
  return offset;
}

}  // namespace

void begin_shared(std::size_t dynamic_bytes) {
  if (!shared_arena) {
    void* const memory =
        mmap(nullptr, shared_arena_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    shared_arena = static_cast<char*>(memory);
  }
  asan_poison(shared_arena, shared_arena_bytes);
  shadow_clear_shared(used);
  ++serial;
  variables.clear();
  used = zone_bytes;
  charged = dynamic_bytes;
  dynamic_bytes_of_block = dynamic_bytes;
  dynamic_offset =
      dynamic_bytes > 0 ? place_variable("the dynamic shared memory", dynamic_bytes, least_alignment) : 0;
}

void end_shared() {
  if (has_asan) return;  // which knows of it at once
  for (const Variable& variable : variables) {
    const char* const zone = shared_arena + variable.offset + variable.bytes;
    const bool is_intact = std::all_of(
        zone, zone + zone_bytes, [](char byte) { return static_cast<unsigned char>(byte) == zone_pattern; });
    if (!is_intact)
      report("out-of-bounds", "shared memory was written past the end of " + std::string(variable.name) +
                                  " of " + std::to_string(variable.bytes) + " bytes");
  }
}

void* shared_variable(SharedVariable& variable) {
  if (variable.block != serial) {
    charged += variable.bytes;
    if (charged > std::max(limit_of_block, dynamic_bytes_of_block))
      report("shared-memory", "a block takes " + std::to_string(charged) +
                                  " bytes of shared memory, more than " + std::to_string(limit_of_block));
    variable.offset = place_variable(variable.name, variable.bytes, variable.alignment);
    variable.block = serial;
  }
  return shared_arena + variable.offset;
}

void* dynamic_shared() {
  if (dynamic_bytes_of_block == 0)
    report("shared-memory", "a kernel that uses dynamic shared memory was launched with none");
  return shared_arena + (dynamic_bytes_of_block > 0 ? dynamic_offset : used);
}

}  // namespace fornax::sim
