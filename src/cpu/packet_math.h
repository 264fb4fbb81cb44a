#pragma once

#include <cmath>

#include "cpu/packet.h"

/// Functions on registers that are made of those in packet.h, in the operators of vector types. T is the type
/// of the lanes.
namespace fornax::cpu::FORNAX_ISA {

/// c[0] + c[1] x + ... by Horner's rule.
template <class T, int Count>
inline Packet<T> polynomial(const T (&c)[Count], const Packet<T>& x) {
  Packet<T> sum = broadcast(c[Count - 1]);
  for (int i = Count - 2; i >= 0; --i) sum = multiply_add(sum, x, broadcast(c[i]));
  return sum;
}

/// 1 / (1 + e^-x)
template <class T>
inline Packet<T> sigmoid(const Packet<T>& x) {
  const Packet<T> one = broadcast(T(1));
  return one / (one + exp<T>(-x));
}

/// Floats by Eigen's rational function, to 3 units in the last place. Doubles by Cephes' tanh.c: a rational
/// function up to 0.625, then 1 - 2 / (e^2x + 1).
template <class T>
inline Packet<T> tanh(const Packet<T>& x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return rational_tanh(x);
  } else {
    constexpr T p[] = {-1.61468768441708447952e3, -9.92877231001918586564e1, -9.64399179425052238628e-1};
    constexpr T q[] = {4.84406305325125486048e3, 2.23548839060100448583e3, 1.12811678491632931402e2, 1};
    const Packet<T> square = x * x, one = broadcast(T(1)), two = broadcast(T(2)), size = abs(x);
    const Packet<T> near = multiply_add(x * square, polynomial(p, square) / polynomial(q, square), x);
    const Packet<T> far = one - two / (exp<T>(size + size) + one);
    return size < broadcast(T(0.625)) ? near : x < broadcast(T(0)) ? -far : far;
  }
}

/// Floats by x P(x^2) / Q(x^2) with |x| held below 3.925, where erf rounds to 1 (a fit of relative error
/// 2e-8, made for this). Doubles lane by lane in the C library.
template <class T>
inline Packet<T> erf(const Packet<T>& x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    constexpr T p[] = {1.1283791460766275f,   0.19056000421967376f,   0.0527648230001494f,
                       0.003771095228033742f, 0.0002848098130733575f, 2.046276099292639e-06f};
    constexpr T q[] = {1.f,
                       0.502212144712268f,
                       0.11416875747153336f,
                       0.0149802917308055f,
                       0.001163502757042555f,
                       3.80485828181721e-05f};
    const Packet<T> near = max(min(x, broadcast(T(3.925))), broadcast(T(-3.925)));
    const Packet<T> square = near * near;
    return near * polynomial(p, square) / polynomial(q, square);
  } else {
    T values[lanes<T>];
    store(values, x);
    for (T& value : values) value = ::erf(value);
    return load(values);
  }
}

}  // namespace fornax::cpu::FORNAX_ISA
