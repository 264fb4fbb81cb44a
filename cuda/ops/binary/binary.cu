// Policy: elementwise (ops/common/elementwise.cuh), 16-bit types in f32. Integers wrap around: they are
// computed as unsigned numbers. Sums, differences and add_scaled are one kernel, a + factor * b with a factor
// of 1, -1 or the scalar: a product with 1 or -1 is exact.
#include <cmath>

#include "device/reduce.cuh"
#include "ops/binary/binary_op.h"
#include "ops/common/elementwise.cuh"

namespace fornax::ops {
namespace {

using cuda::Input;

/// The type in which T is computed without overflow being undefined.
template <class T>
using wrapping_t =
    typename std::conditional_t<std::is_integral_v<T>, std::make_unsigned<T>, std::type_identity<T>>::type;

template <class T>
struct AddScaled {
  T factor;
  __device__ T operator()(T a, T b) const {
    using U = wrapping_t<T>;
    return static_cast<T>(U(a) + U(U(factor) * U(b)));
  }
};

template <class T>
struct Multiply {
  __device__ T operator()(T a, T b) const {
    using U = wrapping_t<T>;
    return static_cast<T>(U(a) * U(b));
  }
};

template <class T>
struct Divide {
  __device__ T operator()(T a, T b) const { return a / b; }
};

template <class T>
struct Power {
  __device__ T operator()(T a, T b) const { return std::pow(a, b); }
};

template <class T>
void run_as(const Binary& args) {
  using C = cuda::compute_t<T>;
  const C scalar = args.scalar.to<C>();
  const auto by = [&](const auto& f) {
    cuda::elementwise<T>(f, args.y, Input<T>{args.a, scalar}, Input<T>{args.b, scalar});
  };
  switch (args.kind) {
    case BinaryKind::add: return by(AddScaled<C>{C(1)});
    case BinaryKind::sub: return by(AddScaled<C>{static_cast<C>(-1)});
    case BinaryKind::add_scaled: return by(AddScaled<C>{scalar});
    case BinaryKind::mul: return by(Multiply<C>{});
    case BinaryKind::maximum: return by(cuda::Max{});
    case BinaryKind::minimum: return by(cuda::Min{});
    case BinaryKind::div:
      if constexpr (!std::is_integral_v<T>) by(Divide<C>{});
      break;
    case BinaryKind::pow:
      if constexpr (!std::is_integral_v<T>) by(Power<C>{});
      break;
  }
}

void run(const Binary& args) {
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, bool>) run_as<T>(args);
  });
}

dispatch::Refusal can_run(const Binary& args) {
  const bool floating_only = args.kind == BinaryKind::div || args.kind == BinaryKind::pow;
  return floating_only && !is_floating(args.y.dtype) ? "div and pow take floating dtypes only"
                                                     : dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Binary> binary_cuda{
    {"elementwise", DeviceType::cuda, number_dtypes}, can_run, run};

}  // namespace fornax::ops
