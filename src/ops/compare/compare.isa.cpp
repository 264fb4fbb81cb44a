// Policy: plain loops, which the compiler vectorises; 16-bit types are compared as floats.
#include "cpu/packet.h"
#include "ops/compare/compare_rows.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;
using ops::CompareKind;

template <CompareKind Kind, class T>
bool compare(T a, T b) {
  if constexpr (Kind == CompareKind::eq) return a == b;
  if constexpr (Kind == CompareKind::ne) return a != b;
  if constexpr (Kind == CompareKind::lt) return a < b;
  if constexpr (Kind == CompareKind::le) return a <= b;
  if constexpr (Kind == CompareKind::gt) return a > b;
  if constexpr (Kind == CompareKind::ge) return a >= b;
}

template <CompareKind Kind, class T>
void row(void* y_, const void* a_, const void* b_, Index count) {
  bool* y = static_cast<bool*>(y_);
  const T *a = static_cast<const T*>(a_), *b = static_cast<const T*>(b_);
  for (Index i = 0; i < count; ++i) y[i] = compare<Kind>(a[i], b[i]);
}

template <CompareKind Kind, class S>
void row_16bit(void* y_, const void* a_, const void* b_, Index count) {
  constexpr Index V = lanes<float>;
  bool* y = static_cast<bool*>(y_);
  const S *a = static_cast<const S*>(a_), *b = static_cast<const S*>(b_);
  for (Index i = 0; i < count; i += V) {
    const Index length = count - i < V ? count - i : V;
    float left[V], right[V];
    store(left, length == V ? load(a + i) : load_first<float>(a + i, length));
    store(right, length == V ? load(b + i) : load_first<float>(b + i, length));
    row<Kind, float>(y + i, left, right, length);
  }
}

template <CompareKind Kind>
void logical_row(void* y_, const void* a_, const void* b_, Index count) {
  bool* y = static_cast<bool*>(y_);
  const bool *a = static_cast<const bool*>(a_), *b = static_cast<const bool*>(b_);
  for (Index i = 0; i < count; ++i) {
    if constexpr (Kind == CompareKind::logical_and) y[i] = a[i] & b[i];
    if constexpr (Kind == CompareKind::logical_or) y[i] = a[i] | b[i];
    if constexpr (Kind == CompareKind::logical_xor) y[i] = a[i] ^ b[i];
  }
}

template <CompareKind Kind>
constexpr void fill_comparison(CompareKernels& table) {
  CompareRow(&rows)[dtype_count] = table.rows[static_cast<int>(Kind)];
  rows[static_cast<int>(f64)] = row<Kind, double>;
  rows[static_cast<int>(f32)] = row<Kind, float>;
  rows[static_cast<int>(f16)] = row_16bit<Kind, Half>;
  rows[static_cast<int>(bf16)] = row_16bit<Kind, BFloat16>;
  rows[static_cast<int>(i64)] = row<Kind, std::int64_t>;
  rows[static_cast<int>(i32)] = row<Kind, std::int32_t>;
  rows[static_cast<int>(u8)] = row<Kind, std::uint8_t>;
  rows[static_cast<int>(boolean)] = row<Kind, bool>;
}

template <CompareKind Kind>
constexpr void fill_logical(CompareKernels& table) {
  table.rows[static_cast<int>(Kind)][static_cast<int>(boolean)] = logical_row<Kind>;
}

constexpr CompareKernels make_table() {
  CompareKernels table{};
  fill_comparison<CompareKind::eq>(table);
  fill_comparison<CompareKind::ne>(table);
  fill_comparison<CompareKind::lt>(table);
  fill_comparison<CompareKind::le>(table);
  fill_comparison<CompareKind::gt>(table);
  fill_comparison<CompareKind::ge>(table);
  fill_logical<CompareKind::logical_and>(table);
  fill_logical<CompareKind::logical_or>(table);
  fill_logical<CompareKind::logical_xor>(table);
  return table;
}

}  // namespace

extern constinit const CompareKernels compare_kernels = make_table();

}  // namespace fornax::cpu::FORNAX_ISA
