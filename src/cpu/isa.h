#pragma once

#include <cstdint>
#include <string_view>

#include "fornax/base/export.h"

/// Instruction sets. A file named *.isa.cpp is compiled once per level with that level's flags, its code in
/// `namespace fornax::cpu::FORNAX_ISA` (fornax::cpu::avx2, ...), and hands out plain tables of function
/// pointers:
///
///   foo.h         struct FooKernels { void (*foo)(const float*, std::int64_t); };
///                 FORNAX_ISA_TABLE(FooKernels, foo_kernels)
///   foo.isa.cpp   namespace fornax::cpu::FORNAX_ISA { extern const FooKernels foo_kernels = {foo}; }
///   a caller      const FooKernels& kernels = foo_kernels();   // the current level's
///
/// Such a file must not emit a weak symbol outside of its namespace, since the linker would keep one copy for
/// all levels: no std:: containers or algorithms there, no inline function of another header unless
/// always_inline, and Eigen only through cpu/packet.h. A test reads the objects' symbols and fails otherwise.
namespace fornax::cpu {

/// baseline: whatever the platform's ABI has (x86-64: SSE2); avx2: with FMA and F16C; avx512: F, VL, BW and
/// DQ.
enum class Isa : std::uint8_t { baseline, avx2, avx512 };
inline constexpr int isa_count = 3;

/// "baseline", "avx2", "avx512".
FORNAX_API std::string_view name_of(Isa isa);
/// The widest level that this build holds and this machine runs.
FORNAX_API Isa best_isa();
/// The level kernels use on this thread: an IsaGuard's, else that of the variable FORNAX_ISA, else the best.
/// Throws ValueError if FORNAX_ISA is not the name of a level that runs here. Ask before a parallel_for, not
/// inside.
FORNAX_API Isa current_isa();

/// While alive, kernels called from this thread use `isa`. Throws ValueError if it does not run here.
class FORNAX_API IsaGuard {
 public:
  explicit IsaGuard(Isa isa);
  ~IsaGuard();
  IsaGuard(const IsaGuard&) = delete;
  IsaGuard& operator=(const IsaGuard&) = delete;

 private:
  int before_;
};

}  // namespace fornax::cpu

/// Declares a table of every level and a function of the same name that gives the current level's.
#if defined(__x86_64__)
#define FORNAX_ISA_TABLE(Table, name)                                            \
  namespace baseline {                                                           \
  extern const Table name;                                                       \
  }                                                                              \
  namespace avx2 {                                                               \
  extern const Table name;                                                       \
  }                                                                              \
  namespace avx512 {                                                             \
  extern const Table name;                                                       \
  }                                                                              \
  inline const Table& name() {                                                   \
    const Table* const tables[] = {&baseline::name, &avx2::name, &avx512::name}; \
    return *tables[static_cast<int>(current_isa())];                             \
  }
#else
#define FORNAX_ISA_TABLE(Table, name) \
  namespace baseline {                \
  extern const Table name;            \
  }                                   \
  inline const Table& name() { return baseline::name; }
#endif
