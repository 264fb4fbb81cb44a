#include "cpu/packet.h"
#include "ops/reduce/reduce_kernels.h"

// A fold adds a register of elements to a register of partial results (`add`), joins two such registers
// (`join`) and two partial results (`merge`). Rows keep four registers of partial results in flight; columns
// keep one value per column in a buffer that stays in L1, and take four rows at a time.
namespace fornax::cpu::FORNAX_ISA {
namespace {

using Index = std::int64_t;

struct Sums {
  template <class T>
  static T identity() {
    return T(0);
  }
  template <class P>
  static P join(const P& a, const P& b) {
    return cpu::FORNAX_ISA::add(a, b);
  }
  static double merge(double a, double b) { return a + b; }
};
struct Sum : Sums {
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>&) {
    return cpu::FORNAX_ISA::add(total, x);
  }
};
struct SumAbs : Sums {
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>&) {
    return cpu::FORNAX_ISA::add(total, abs(x));
  }
};
struct SumSquares : Sums {
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>& center) {
    const Packet<T> distance = subtract(x, center);
    return multiply_add(distance, distance, total);
  }
};
struct SumExp : Sums {
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>& center) {
    return cpu::FORNAX_ISA::add(total, exp<T>(subtract(x, center)));
  }
};
struct Max {
  template <class T>
  static T identity() {
    return -static_cast<T>(__builtin_inf());
  }
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>&) {
    return max(total, x);
  }
  template <class P>
  static P join(const P& a, const P& b) {
    return max(a, b);
  }
  static double merge(double a, double b) { return a > b || a != a ? a : b; }
};
struct MaxAbs : Max {
  template <class T>
  static T identity() {
    return T(0);
  }
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>&) {
    return max(total, abs(x));
  }
};
struct Min {
  template <class T>
  static T identity() {
    return static_cast<T>(__builtin_inf());
  }
  template <class T>
  static Packet<T> add(const Packet<T>& total, const Packet<T>& x, const Packet<T>&) {
    return min(total, x);
  }
  template <class P>
  static P join(const P& a, const P& b) {
    return min(a, b);
  }
  static double merge(double a, double b) { return a < b || a != a ? a : b; }
};

/// All lanes as one partial result.
template <class F, class T>
double merge_lanes(const Packet<T>& value) {
  T lane[lanes<T>];
  double wide[lanes<T>];
  store(lane, value);
  for (int i = 0; i < lanes<T>; ++i) wide[i] = static_cast<double>(lane[i]);
  for (int half = lanes<T> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) wide[i] = F::merge(wide[i], wide[i + half]);
  return wide[0];
}

template <class F, class T>
double row(const T* x, Index count, T center_) {
  constexpr Index V = lanes<T>;
  const Packet<T> identity = broadcast(F::template identity<T>()), center = broadcast(center_);
  double total = static_cast<double>(F::template identity<T>());
  Index i = 0;
  if (count >= V) {
    Packet<T> partial[4] = {identity, identity, identity, identity};
    for (; i + 4 * V <= count; i += 4 * V) {
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) partial[k] = F::template add<T>(partial[k], load(x + i + k * V), center);
    }
    for (; i + V <= count; i += V) partial[0] = F::template add<T>(partial[0], load(x + i), center);
    total = merge_lanes<F, T>(F::join(F::join(partial[0], partial[1]), F::join(partial[2], partial[3])));
  }
  if (i < count) {
    T rest[V];
    store(rest, F::template add<T>(identity, load_first<T>(x + i, count - i), center));
    for (Index k = 0; k < count - i; ++k) total = F::merge(total, static_cast<double>(rest[k]));
  }
  return total;
}

template <class F, class T>
void columns(const T* x, Index row_stride, Index rows, Index count, const T* center, double* total) {
  constexpr Index V = lanes<T>;
  T partial[fold_column_count + V];
  const Index whole = count / V * V;
  for (Index c = 0; c < count; c += V) store(partial + c, broadcast(F::template identity<T>()));
  const auto center_at = [center, count](Index c) {
    if (!center) return broadcast(T(0));
    return c + V <= count ? load(center + c) : load_first<T>(center + c, count - c);
  };
  Index r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * row_stride) {
    for (Index c = 0; c < whole; c += V) {
      const Packet<T> middle = center_at(c);
      Packet<T> sum = load(partial + c);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) sum = F::template add<T>(sum, load(x + k * row_stride + c), middle);
      store(partial + c, sum);
    }
    if (whole < count) {
      const Packet<T> middle = center_at(whole);
      Packet<T> sum = load(partial + whole);
      for (int k = 0; k < 4; ++k)
        sum = F::template add<T>(sum, load_first<T>(x + k * row_stride + whole, count - whole), middle);
      store(partial + whole, sum);
    }
  }
  for (; r < rows; ++r, x += row_stride) {
    for (Index c = 0; c < count; c += V) {
      const Packet<T> value = c + V <= count ? load(x + c) : load_first<T>(x + c, count - c);
      store(partial + c, F::template add<T>(load(partial + c), value, center_at(c)));
    }
  }
  for (Index c = 0; c < count; ++c) total[c] = F::merge(total[c], static_cast<double>(partial[c]));
}

}  // namespace

// NOLINTBEGIN(bugprone-macro-parentheses): names of templates and types
#define FOLDS(form, T)                                                                                  \
  {                                                                                                     \
    form<Sum, T>, form<SumAbs, T>, form<SumSquares, T>, form<SumExp, T>, form<Max, T>, form<MaxAbs, T>, \
        form<Min, T>                                                                                    \
  }
// NOLINTEND(bugprone-macro-parentheses)
extern const FoldKernels<float> fold_kernels_f32 = {FOLDS(row, float), FOLDS(columns, float)};
extern const FoldKernels<double> fold_kernels_f64 = {FOLDS(row, double), FOLDS(columns, double)};

}  // namespace fornax::cpu::FORNAX_ISA
