// Policy: tracked kernels are compiled with -fsanitize=thread and linked without ThreadSanitizer: the
// functions that the compiler calls before each access are these. Host code of the same files calls them too,
// and is let through.
#include "sim/instrumentation.h"

#include <link.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "sim/block.h"
#include "sim/fiber.h"
#include "sim/memory.h"
#include "sim/report.h"

#if !defined(FORNAX_SIM_TRACKED)

void fornax::sim::note_atomic(const void*, std::size_t, const void*) {}

#else

namespace fornax::sim {
namespace {

using Range = std::pair<std::uintptr_t, std::uintptr_t>;

int add_constants(dl_phdr_info* info, std::size_t, void* ranges) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const bool is_constant =
        (segment.p_type == PT_LOAD && (segment.p_flags & PF_W) == 0) || segment.p_type == PT_GNU_RELRO;
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    if (is_constant) static_cast<std::vector<Range>*>(ranges)->emplace_back(begin, begin + segment.p_memsz);
  }
  return 0;
}

/// Constants of the program: on a device they would be constant memory.
bool is_constant(const void* address) {
  static const auto& ranges = *[] {
    auto* const found = new std::vector<Range>;
    dl_iterate_phdr(add_constants, found);
    return found;
  }();
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  for (const auto& [begin, end] : ranges)
    if (at >= begin && at < end) return true;
  return false;
}

bool is_argument(const void* address) {
  const Launch& launch = running_block.grid.launch;
  const auto* const at = static_cast<const char*>(address);
  const auto* const begin = static_cast<const char*>(launch.arguments);
  return at >= begin && at < begin + launch.argument_bytes;
}

/// `alignment` is what the access needs, 1 if the compiler knows of none.
inline void check(const void* data, std::size_t bytes, std::size_t alignment, unsigned kind,
                  const void* after) {
  if (!runs_kernel || Fiber::on_a_stack(data)) return;
  if (!is_device_memory(data) && !is_shared_memory(data)) {
    if (is_argument(data) || is_constant(data) || is_reported("host-pointer", after)) return;
    report("host-pointer",
           running_thread_name() + (kind & access_write ? " writes" : " reads") + " memory of the host",
           after);
    return;
  }
  if (reinterpret_cast<std::uintptr_t>(data) % alignment != 0 && !is_reported("misaligned", after))
    report("misaligned",
           running_thread_name() + " accesses " + std::to_string(bytes) +
               " bytes at an address that is no multiple of " + std::to_string(alignment),
           after);
  check_thread_access(data, bytes, kind, after);
}

}  // namespace

void note_atomic(const void* data, std::size_t bytes, const void* after) {
  check(data, bytes, bytes, access_read | access_write | access_atomic, after);
}

}  // namespace fornax::sim

using namespace fornax::sim;

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}

#define FORNAX_AFTER __builtin_return_address(0)
#define FORNAX_ACCESSES(bytes)                                                                           \
  void __tsan_read##bytes(void* data) { check(data, bytes, bytes, access_read, FORNAX_AFTER); }          \
  void __tsan_write##bytes(void* data) { check(data, bytes, bytes, access_write, FORNAX_AFTER); }        \
  void __tsan_unaligned_read##bytes(void* data) { check(data, bytes, 1, access_read, FORNAX_AFTER); }    \
  void __tsan_unaligned_write##bytes(void* data) { check(data, bytes, 1, access_write, FORNAX_AFTER); }  \
  void __tsan_volatile_read##bytes(void* data) { check(data, bytes, bytes, access_read, FORNAX_AFTER); } \
  void __tsan_volatile_write##bytes(void* data) { check(data, bytes, bytes, access_write, FORNAX_AFTER); }
FORNAX_ACCESSES(1)
FORNAX_ACCESSES(2)
FORNAX_ACCESSES(4)
FORNAX_ACCESSES(8)
FORNAX_ACCESSES(16)
#undef FORNAX_ACCESSES

void __tsan_read_range(void* data, std::size_t bytes) { check(data, bytes, 1, access_read, FORNAX_AFTER); }
void __tsan_write_range(void* data, std::size_t bytes) { check(data, bytes, 1, access_write, FORNAX_AFTER); }

// What compilers emit for block copies (clang by these names; of GCC's objects the calls are renamed when
// linked).
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) {
    check(from, bytes, 1, access_read, FORNAX_AFTER);
    check(to, bytes, 1, access_write, FORNAX_AFTER);
  }
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) {
    check(from, bytes, 1, access_read, FORNAX_AFTER);
    check(to, bytes, 1, access_write, FORNAX_AFTER);
  }
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, std::size_t bytes) {
  if (bytes > 0) check(to, bytes, 1, access_write, FORNAX_AFTER);
  return std::memset(to, value, bytes);
}

// Atomics of the host code in the same files (shared pointers, static locals): device code has none of these.
#define FORNAX_ATOMICS(bits, T)                                                                           \
  T __tsan_atomic##bits##_load(const volatile T* data, int) {                                             \
    return __atomic_load_n(data, __ATOMIC_SEQ_CST);                                                       \
  }                                                                                                       \
  void __tsan_atomic##bits##_store(volatile T* data, T value, int) {                                      \
    __atomic_store_n(data, value, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                       \
  T __tsan_atomic##bits##_exchange(volatile T* data, T value, int) {                                      \
    return __atomic_exchange_n(data, value, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                       \
  T __tsan_atomic##bits##_fetch_add(volatile T* data, T value, int) {                                     \
    return __atomic_fetch_add(data, value, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                       \
  T __tsan_atomic##bits##_fetch_sub(volatile T* data, T value, int) {                                     \
    return __atomic_fetch_sub(data, value, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                       \
  T __tsan_atomic##bits##_fetch_or(volatile T* data, T value, int) {                                      \
    return __atomic_fetch_or(data, value, __ATOMIC_SEQ_CST);                                              \
  }                                                                                                       \
  T __tsan_atomic##bits##_fetch_and(volatile T* data, T value, int) {                                     \
    return __atomic_fetch_and(data, value, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                       \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile T* data, T* expected, T value, int, int) {   \
    return __atomic_compare_exchange_n(data, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                                       \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile T* data, T* expected, T value, int, int) {     \
    return __atomic_compare_exchange_n(data, expected, value, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);  \
  }
FORNAX_ATOMICS(8, std::uint8_t)
FORNAX_ATOMICS(16, std::uint16_t)
FORNAX_ATOMICS(32, std::uint32_t)
FORNAX_ATOMICS(64, std::uint64_t)
#undef FORNAX_ATOMICS
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"

#endif  // FORNAX_SIM_TRACKED
