// Policy: floating rows are computed in registers, ends included, so that an element's bits do not depend on
// where a row was cut. Integers wrap around: they are computed as unsigned numbers.
#include <cmath>
#include <type_traits>

#include "cpu/packet.h"
#include "ops/binary/binary_rows.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;
using ops::BinaryKind;

/// The operation on registers of T.
template <BinaryKind Kind, class T>
Packet<T> apply(const Packet<T>& a, const Packet<T>& b, const Packet<T>& scalar) {
  if constexpr (Kind == BinaryKind::add) return a + b;
  if constexpr (Kind == BinaryKind::sub) return a - b;
  if constexpr (Kind == BinaryKind::mul) return a * b;
  if constexpr (Kind == BinaryKind::div) return a / b;
  if constexpr (Kind == BinaryKind::maximum) return max(a, b);
  if constexpr (Kind == BinaryKind::minimum) return min(a, b);
  if constexpr (Kind == BinaryKind::add_scaled) return multiply_add(scalar, b, a);
  if constexpr (Kind == BinaryKind::pow) {
    T base[lanes<T>], exponent[lanes<T>];
    store(base, a);
    store(exponent, b);
    for (int i = 0; i < lanes<T>; ++i) {
      if constexpr (sizeof(T) == sizeof(float))
        base[i] = ::powf(base[i], exponent[i]);
      else
        base[i] = ::pow(base[i], exponent[i]);
    }
    return load(base);
  }
}

/// S is the type in memory, T that of the registers.
template <BinaryKind Kind, class S, class T, BinaryForm Form>
void floating_row(void* y_, const void* a_, const void* b_, const void* scalar_, Index count) {
  constexpr Index V = lanes<T>;
  S* y = static_cast<S*>(y_);
  const S *a = static_cast<const S*>(a_), *b = static_cast<const S*>(b_);
  constexpr bool uses_scalar = Form != BinaryForm::tensors || Kind == BinaryKind::add_scaled;
  const Packet<T> scalar = broadcast(uses_scalar ? *static_cast<const T*>(scalar_) : T(0));
  Index i = 0;
  for (; i + V <= count; i += V) {
    Packet<T> left = scalar, right = scalar;
    if constexpr (Form != BinaryForm::scalar_left) left = load(a + i);
    if constexpr (Form != BinaryForm::scalar_right) right = load(b + i);
    store(y + i, apply<Kind, T>(left, right, scalar));
  }
  if (i < count) {
    Packet<T> left = scalar, right = scalar;
    if constexpr (Form != BinaryForm::scalar_left) left = load_first<T>(a + i, count - i);
    if constexpr (Form != BinaryForm::scalar_right) right = load_first<T>(b + i, count - i);
    store_first<T>(y + i, apply<Kind, T>(left, right, scalar), count - i);
  }
}

template <BinaryKind Kind, class T>
T apply_integer(T a, T b, T scalar) {
  using U = std::make_unsigned_t<T>;
  if constexpr (Kind == BinaryKind::add) return T(U(a) + U(b));
  if constexpr (Kind == BinaryKind::sub) return T(U(a) - U(b));
  if constexpr (Kind == BinaryKind::mul) return T(U(a) * U(b));
  if constexpr (Kind == BinaryKind::maximum) return a > b ? a : b;
  if constexpr (Kind == BinaryKind::minimum) return a < b ? a : b;
  if constexpr (Kind == BinaryKind::add_scaled) return T(U(a) + U(U(scalar) * U(b)));
}

template <BinaryKind Kind, class T, BinaryForm Form>
void integer_row(void* y_, const void* a_, const void* b_, const void* scalar_, Index count) {
  T* y = static_cast<T*>(y_);
  const T *a = static_cast<const T*>(a_), *b = static_cast<const T*>(b_);
  constexpr bool uses_scalar = Form != BinaryForm::tensors || Kind == BinaryKind::add_scaled;
  const T scalar = uses_scalar ? *static_cast<const T*>(scalar_) : T(0);
  for (Index i = 0; i < count; ++i) {
    T left = scalar, right = scalar;
    if constexpr (Form != BinaryForm::scalar_left) left = a[i];
    if constexpr (Form != BinaryForm::scalar_right) right = b[i];
    y[i] = apply_integer<Kind, T>(left, right, scalar);
  }
}

template <BinaryKind Kind, BinaryForm Form>
constexpr void fill_form(BinaryKernels& table) {
  const auto set = [&table](DType dtype, BinaryRow row) {
    table.rows[static_cast<int>(Kind)][static_cast<int>(dtype)][static_cast<int>(Form)] = row;
  };
  set(f64, floating_row<Kind, double, double, Form>);
  set(f32, floating_row<Kind, float, float, Form>);
  set(f16, floating_row<Kind, Half, float, Form>);
  set(bf16, floating_row<Kind, BFloat16, float, Form>);
  if constexpr (Kind != BinaryKind::div && Kind != BinaryKind::pow) {
    set(i64, integer_row<Kind, std::int64_t, Form>);
    set(i32, integer_row<Kind, std::int32_t, Form>);
    set(u8, integer_row<Kind, std::uint8_t, Form>);
  }
}

template <BinaryKind... Kinds>
constexpr BinaryKernels make_table() {
  BinaryKernels table{};
  (fill_form<Kinds, BinaryForm::tensors>(table), ...);
  (fill_form<Kinds, BinaryForm::scalar_right>(table), ...);
  (fill_form<Kinds, BinaryForm::scalar_left>(table), ...);
  fill_form<BinaryKind::add_scaled, BinaryForm::tensors>(table);
  return table;
}

}  // namespace

extern constinit const BinaryKernels binary_kernels =
    make_table<BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::div, BinaryKind::maximum,
               BinaryKind::minimum, BinaryKind::pow>();

}  // namespace fornax::cpu::FORNAX_ISA
