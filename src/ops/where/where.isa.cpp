// Policy: elements are chosen as bits of their size, whatever their dtype, in loops that the compiler
// vectorises.
#include "ops/where/where_rows.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

template <class Word>
void row(void* y_, const bool* condition, const void* a_, const void* b_, std::int64_t count) {
  using Bits __attribute__((may_alias)) = Word;
  Bits* y = static_cast<Bits*>(y_);
  const Bits *a = static_cast<const Bits*>(a_), *b = static_cast<const Bits*>(b_);
  for (std::int64_t i = 0; i < count; ++i) {
    const Word left = a[i], right = b[i];
    y[i] = condition[i] ? left : right;
  }
}

}  // namespace

extern const WhereKernels where_kernels = {row<std::uint8_t>, row<std::uint16_t>, row<std::uint32_t>,
                                           row<std::uint64_t>};

}  // namespace fornax::cpu::FORNAX_ISA
