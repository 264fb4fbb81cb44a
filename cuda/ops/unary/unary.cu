// Policy: elementwise (ops/common/elementwise.cuh), 16-bit types in f32. Integers wrap around: they are
// computed as unsigned numbers. Formulas as in src/ops/unary/unary.isa.cpp.
#include <cmath>

#include "device/reduce.cuh"
#include "ops/common/elementwise.cuh"
#include "ops/unary/unary_op.h"

namespace fornax::ops {
namespace {

using cuda::Input;
using Kind = UnaryKind;

template <class T>
__device__ inline bool is_negative(T x) {
  if constexpr (std::is_unsigned_v<T>)
    return false;
  else
    return x < T(0);
}

template <class T>
__device__ inline T sign(T x) {
  return x > T(0) ? T(1) : is_negative(x) ? static_cast<T>(-1) : x;
}

template <class T>
__device__ inline T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

/// The share of x that the exact gelu lets through: the normal distribution function.
template <class T>
__device__ inline T normal_share(T x) {
  return T(0.5) * (T(1) + std::erf(x * T(0.70710678118654752440)));
}

// The tanh in gelu_tanh, of k (x + c x^3).
template <class T>
constexpr T gelu_k = T(0.79788456080286535588);
template <class T>
constexpr T gelu_c = T(0.044715);
template <class T>
__device__ inline T gelu_bend(T x) {
  return std::tanh(gelu_k<T> * (x + gelu_c<T> * x * x * x));
}

/// T is the type of the computation; clamp alone looks at the bounds.
template <UnaryKind kind, class T>
struct Apply {
  T low, high;

  __device__ T operator()(T x) const {
    if constexpr (kind == Kind::sign) return sign(x);
    if constexpr (kind == Kind::clamp) return cuda::Min{}(cuda::Max{}(x, low), high);
    if constexpr (std::is_integral_v<T>) {
      using U = std::make_unsigned_t<T>;
      if constexpr (kind == Kind::neg) return static_cast<T>(U(0) - U(x));
      if constexpr (kind == Kind::abs) return is_negative(x) ? static_cast<T>(U(0) - U(x)) : x;
      if constexpr (kind == Kind::square) return static_cast<T>(U(x) * U(x));
    } else {
      if constexpr (kind == Kind::neg) return -x;
      if constexpr (kind == Kind::abs) return std::abs(x);
      if constexpr (kind == Kind::square) return x * x;
      if constexpr (kind == Kind::floor) return std::floor(x);
      if constexpr (kind == Kind::reciprocal) return T(1) / x;
      if constexpr (kind == Kind::exp) return std::exp(x);
      if constexpr (kind == Kind::log) return std::log(x);
      if constexpr (kind == Kind::sqrt) return std::sqrt(x);
      if constexpr (kind == Kind::tanh) return std::tanh(x);
      if constexpr (kind == Kind::sigmoid) return sigmoid(x);
      if constexpr (kind == Kind::relu) return cuda::Max{}(x, T(0));
      if constexpr (kind == Kind::silu) return x * sigmoid(x);
      if constexpr (kind == Kind::gelu) return x * normal_share(x);
      if constexpr (kind == Kind::gelu_tanh) return T(0.5) * x * (T(1) + gelu_bend(x));
    }
  }
};

/// The derivative from y or x, as derives_from_output says.
template <UnaryKind kind, class T>
__device__ inline T slope(T s) {
  if constexpr (kind == Kind::abs) return sign(s);
  if constexpr (kind == Kind::square) return s + s;
  if constexpr (kind == Kind::reciprocal) return -s * s;
  if constexpr (kind == Kind::exp) return s;
  if constexpr (kind == Kind::log) return T(1) / s;
  if constexpr (kind == Kind::sqrt) return T(0.5) / s;
  if constexpr (kind == Kind::tanh) return T(1) - s * s;
  if constexpr (kind == Kind::sigmoid) return s * (T(1) - s);
  if constexpr (kind == Kind::silu) {
    const T gate = sigmoid(s);
    return gate * (T(1) + s * (T(1) - gate));
  }
  if constexpr (kind == Kind::gelu) {
    const T density = T(0.39894228040143267794) * std::exp(T(-0.5) * s * s);
    return normal_share(s) + s * density;
  }
  if constexpr (kind == Kind::gelu_tanh) {
    const T bend = gelu_bend(s), inner = gelu_k<T> * (T(1) + T(3) * gelu_c<T> * s * s);
    return T(0.5) * (T(1) + bend) + T(0.5) * s * (T(1) - bend * bend) * inner;
  }
}

template <UnaryKind kind, class T>
struct ApplyGrad {
  T low, high;

  __device__ T operator()(T dy, T saved) const {
    if constexpr (kind == Kind::relu)
      return saved <= T(0) ? T(0) : dy;
    else if constexpr (kind == Kind::clamp)
      return saved < low || saved > high ? T(0) : dy;
    else
      return dy * slope<kind>(saved);
  }
};

constexpr bool has_grad_kernel(UnaryKind kind) {
  return kind != Kind::neg && kind != Kind::sign && kind != Kind::floor;
}

void run(const Unary& args) {
  visit_dtype(args.y.dtype, [&]<class T>(std::type_identity<T>) {
    cuda::visit_kind<UnaryKind, unary_kind_count>(args.kind, [&](auto constant) {
      constexpr UnaryKind kind = decltype(constant)::value;
      using C = cuda::compute_t<T>;
      if constexpr (!std::is_same_v<T, bool> && (!std::is_integral_v<T> || takes_integers(kind)))
        cuda::elementwise<T>(Apply<kind, C>{args.low.to<C>(), args.high.to<C>()}, args.y, Input<T>{args.x});
    });
  });
}

void run_grad(const UnaryGrad& args) {
  visit_floating(args.dx.dtype, [&]<class T>(std::type_identity<T>) {
    cuda::visit_kind<UnaryKind, unary_kind_count>(args.kind, [&](auto constant) {
      constexpr UnaryKind kind = decltype(constant)::value;
      using C = cuda::compute_t<T>;
      if constexpr (has_grad_kernel(kind))
        cuda::elementwise<T>(ApplyGrad<kind, C>{args.low.to<C>(), args.high.to<C>()}, args.dx,
                             Input<T>{args.dy}, Input<T>{args.saved});
    });
  });
}

}  // namespace

constinit const dispatch::Kernel<Unary> unary_cuda{
    {"elementwise", DeviceType::cuda, number_dtypes},
    [](const Unary& args) {
      return takes_integers(args.kind) || is_floating(args.y.dtype) ? dispatch::accepts
                                                                    : "this kind takes floating dtypes only";
    },
    run};
constinit const dispatch::Kernel<UnaryGrad> unary_grad_cuda{
    {"elementwise", DeviceType::cuda, floating_dtypes},
    [](const UnaryGrad& args) {
      return has_grad_kernel(args.kind) ? dispatch::accepts : "this kind's derivative is a constant";
    },
    run_grad};

}  // namespace fornax::ops
