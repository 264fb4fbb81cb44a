// Policy: floating rows are computed in registers, ends included, so that an element's bits do not depend on
// where a row was cut; 16-bit types as floats. Integers wrap around: they are computed as unsigned numbers.
#include <type_traits>

#include "cpu/packet_math.h"
#include "ops/unary/unary_rows.h"

namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;
using ops::UnaryKind;

template <class T>
struct Bounds {
  Packet<T> low, high;
};

template <UnaryKind Kind, class T>
Packet<T> apply(const Packet<T>& x, const Bounds<T>& bounds) {
  [[maybe_unused]] const Packet<T> zero = broadcast(T(0)), one = broadcast(T(1)), half = broadcast(T(0.5));
  if constexpr (Kind == UnaryKind::neg) return -x;
  if constexpr (Kind == UnaryKind::abs) return abs(x);
  if constexpr (Kind == UnaryKind::sign) return x > zero ? one : x < zero ? -one : x;
  if constexpr (Kind == UnaryKind::square) return x * x;
  if constexpr (Kind == UnaryKind::clamp) return min(max(x, bounds.low), bounds.high);
  if constexpr (Kind == UnaryKind::floor) return floor(x);
  if constexpr (Kind == UnaryKind::reciprocal) return one / x;
  if constexpr (Kind == UnaryKind::exp) return exp<T>(x);
  if constexpr (Kind == UnaryKind::log) return log<T>(x);
  if constexpr (Kind == UnaryKind::sqrt) return sqrt(x);
  if constexpr (Kind == UnaryKind::tanh) return tanh<T>(x);
  if constexpr (Kind == UnaryKind::sigmoid) return sigmoid<T>(x);
  if constexpr (Kind == UnaryKind::relu) return relu<T>(x);
  if constexpr (Kind == UnaryKind::silu) return x * sigmoid<T>(x);
  if constexpr (Kind == UnaryKind::gelu)
    return half * x * (one + erf<T>(x * broadcast(T(0.70710678118654752440))));
  if constexpr (Kind == UnaryKind::gelu_tanh) {
    const Packet<T> k = broadcast(T(0.79788456080286535588)), c = broadcast(T(0.044715));
    return half * x * (one + tanh<T>(k * (x + c * x * x * x)));
  }
}

/// The derivative, from y or x as ops::derives_from_output says.
template <UnaryKind Kind, class T>
Packet<T> slope(const Packet<T>& s) {
  [[maybe_unused]] const Packet<T> zero = broadcast(T(0)), one = broadcast(T(1)), half = broadcast(T(0.5));
  if constexpr (Kind == UnaryKind::abs) return apply<UnaryKind::sign, T>(s, Bounds<T>());
  if constexpr (Kind == UnaryKind::square) return s + s;
  if constexpr (Kind == UnaryKind::reciprocal) return -s * s;
  if constexpr (Kind == UnaryKind::exp) return s;
  if constexpr (Kind == UnaryKind::log) return one / s;
  if constexpr (Kind == UnaryKind::sqrt) return half / s;
  if constexpr (Kind == UnaryKind::tanh) return one - s * s;
  if constexpr (Kind == UnaryKind::sigmoid) return s * (one - s);
  if constexpr (Kind == UnaryKind::silu) {
    const Packet<T> gate = sigmoid<T>(s);
    return gate * (one + s * (one - gate));
  }
  if constexpr (Kind == UnaryKind::gelu) {
    const Packet<T> share = half * (one + erf<T>(s * broadcast(T(0.70710678118654752440))));
    const Packet<T> density = broadcast(T(0.39894228040143267794)) * exp<T>(-half * s * s);
    return share + s * density;
  }
  if constexpr (Kind == UnaryKind::gelu_tanh) {
    const Packet<T> k = broadcast(T(0.79788456080286535588)), c = broadcast(T(0.044715));
    const Packet<T> t = tanh<T>(k * (s + c * s * s * s));
    const Packet<T> inner = k * (one + broadcast(T(3)) * c * s * s);
    return half * (one + t) + half * s * (one - t * t) * inner;
  }
}

template <UnaryKind Kind, class T>
Packet<T> apply_grad(const Packet<T>& dy, const Packet<T>& saved, const Bounds<T>& bounds) {
  [[maybe_unused]] const Packet<T> zero = broadcast(T(0));
  if constexpr (Kind == UnaryKind::relu)
    return saved <= zero ? zero : dy;
  else if constexpr (Kind == UnaryKind::clamp)
    return saved < bounds.low ? zero : saved > bounds.high ? zero : dy;
  else
    return dy * slope<Kind, T>(saved);
}

/// S is the type in memory, T that of the registers.
template <UnaryKind Kind, class S, class T>
void floating_row(void* y_, const void* x_, const void* bounds_, Index count) {
  constexpr Index V = lanes<T>;
  S* y = static_cast<S*>(y_);
  const S* x = static_cast<const S*>(x_);
  const T* limits = static_cast<const T*>(bounds_);
  const Bounds<T> bounds = {broadcast(limits[0]), broadcast(limits[1])};
  Index i = 0;
  for (; i + V <= count; i += V) store(y + i, apply<Kind, T>(load(x + i), bounds));
  if (i < count) store_first<T>(y + i, apply<Kind, T>(load_first<T>(x + i, count - i), bounds), count - i);
}

template <UnaryKind Kind, class S, class T>
void grad_row(void* dx_, const void* dy_, const void* saved_, const void* bounds_, Index count) {
  constexpr Index V = lanes<T>;
  S* dx = static_cast<S*>(dx_);
  const S *dy = static_cast<const S*>(dy_), *saved = static_cast<const S*>(saved_);
  const T* limits = static_cast<const T*>(bounds_);
  const Bounds<T> bounds = {broadcast(limits[0]), broadcast(limits[1])};
  Index i = 0;
  for (; i + V <= count; i += V) store(dx + i, apply_grad<Kind, T>(load(dy + i), load(saved + i), bounds));
  if (i < count) {
    const Index rest = count - i;
    const Packet<T> last =
        apply_grad<Kind, T>(load_first<T>(dy + i, rest), load_first<T>(saved + i, rest), bounds);
    store_first<T>(dx + i, last, rest);
  }
}

template <UnaryKind Kind, class T>
void integer_row(void* y_, const void* x_, const void* bounds_, Index count) {
  using U = std::make_unsigned_t<T>;
  T* y = static_cast<T*>(y_);
  const T *x = static_cast<const T*>(x_), *bounds = static_cast<const T*>(bounds_);
  const T low = bounds[0], high = bounds[1];
  for (Index i = 0; i < count; ++i) {
    const T value = x[i];
    if constexpr (Kind == UnaryKind::neg) y[i] = T(U(0) - U(value));
    if constexpr (Kind == UnaryKind::abs) y[i] = value < 0 ? T(U(0) - U(value)) : value;
    if constexpr (Kind == UnaryKind::sign) y[i] = T((value > 0) - (value < 0));
    if constexpr (Kind == UnaryKind::square) y[i] = T(U(value) * U(value));
    if constexpr (Kind == UnaryKind::clamp) {
      const T raised = value < low ? low : value;
      y[i] = raised > high ? high : raised;
    }
  }
}

template <UnaryKind Kind>
constexpr void fill(UnaryKernels& table) {
  UnaryRow(&rows)[dtype_count] = table.rows[static_cast<int>(Kind)];
  rows[static_cast<int>(f64)] = floating_row<Kind, double, double>;
  rows[static_cast<int>(f32)] = floating_row<Kind, float, float>;
  rows[static_cast<int>(f16)] = floating_row<Kind, Half, float>;
  rows[static_cast<int>(bf16)] = floating_row<Kind, BFloat16, float>;
  if constexpr (ops::takes_integers(Kind)) {
    rows[static_cast<int>(i64)] = integer_row<Kind, std::int64_t>;
    rows[static_cast<int>(i32)] = integer_row<Kind, std::int32_t>;
    rows[static_cast<int>(u8)] = integer_row<Kind, std::uint8_t>;
  }
}

template <UnaryKind Kind>
constexpr void fill_grad(UnaryGradKernels& table) {
  UnaryGradRow(&rows)[dtype_count] = table.rows[static_cast<int>(Kind)];
  rows[static_cast<int>(f64)] = grad_row<Kind, double, double>;
  rows[static_cast<int>(f32)] = grad_row<Kind, float, float>;
  rows[static_cast<int>(f16)] = grad_row<Kind, Half, float>;
  rows[static_cast<int>(bf16)] = grad_row<Kind, BFloat16, float>;
}

template <UnaryKind... Kinds>
constexpr UnaryKernels make_table() {
  UnaryKernels table{};
  (fill<Kinds>(table), ...);
  return table;
}
template <UnaryKind... Kinds>
constexpr UnaryGradKernels make_grad_table() {
  UnaryGradKernels table{};
  (fill_grad<Kinds>(table), ...);
  return table;
}

}  // namespace

using Kind = UnaryKind;
extern constinit const UnaryKernels unary_kernels =
    make_table<Kind::neg, Kind::abs, Kind::sign, Kind::square, Kind::clamp, Kind::floor, Kind::reciprocal,
               Kind::exp, Kind::log, Kind::sqrt, Kind::tanh, Kind::sigmoid, Kind::relu, Kind::silu,
               Kind::gelu, Kind::gelu_tanh>();
extern constinit const UnaryGradKernels unary_grad_kernels =
    make_grad_table<Kind::abs, Kind::square, Kind::clamp, Kind::reciprocal, Kind::exp, Kind::log, Kind::sqrt,
                    Kind::tanh, Kind::sigmoid, Kind::relu, Kind::silu, Kind::gelu, Kind::gelu_tanh>();

}  // namespace fornax::cpu::FORNAX_ISA
