#include "cpu/isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdlib>

#include <fmt/format.h>

#include "fornax/base/error.h"

namespace fornax::cpu {
namespace {

constexpr std::string_view names[isa_count] = {"baseline", "avx2", "avx512"};

thread_local int forced = -1;

Isa detect() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;  // cpuid, since not every compiler's builtin knows f16c
  const bool has_f16c = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c;
  const auto has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
  if (has_avx2) return has_avx512 ? Isa::avx512 : Isa::avx2;
#endif
  return Isa::baseline;
}

Isa from_environment() {
  const char* text = std::getenv("FORNAX_ISA");
  if (text == nullptr) return best_isa();
  for (int i = 0; i <= static_cast<int>(best_isa()); ++i) {
    if (text == names[i]) return static_cast<Isa>(i);
  }
  throw ValueError(
      "isa", fmt::format("expected FORNAX_ISA to be a level up to {}, which is the best of this machine, "
                         "got '{}'",
                         name_of(best_isa()), text));
}

}  // namespace

std::string_view name_of(Isa isa) { return names[static_cast<int>(isa)]; }

Isa best_isa() {
  static const Isa best = detect();
  return best;
}

Isa current_isa() {
  static const Isa standard = from_environment();
  return forced < 0 ? standard : static_cast<Isa>(forced);
}

IsaGuard::IsaGuard(Isa isa) : before_(forced) {
  if (isa > best_isa()) {
    throw ValueError("isa",
                     fmt::format("expected a level up to {}, which is the best of this machine, got {}",
                                 name_of(best_isa()), name_of(isa)));
  }
  forced = static_cast<int>(isa);
}
IsaGuard::~IsaGuard() { forced = before_; }

}  // namespace fornax::cpu
