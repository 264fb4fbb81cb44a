#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define FORNAX_SIM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FORNAX_SIM_ASAN 1
#endif
#endif

#if defined(FORNAX_SIM_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace fornax::sim {

// Memory that AddressSanitizer should take for out of bounds, where it is used.
#if defined(FORNAX_SIM_ASAN)
inline constexpr bool has_asan = true;
inline void asan_poison(const void* data, std::size_t bytes) { ASAN_POISON_MEMORY_REGION(data, bytes); }
inline void asan_unpoison(const void* data, std::size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(data, bytes); }
#else
inline constexpr bool has_asan = false;
inline void asan_poison(const void*, std::size_t) {}
inline void asan_unpoison(const void*, std::size_t) {}
#endif

}  // namespace fornax::sim
