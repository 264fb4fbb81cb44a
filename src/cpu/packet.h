#pragma once

#define EIGEN_FAST_MATH 0  // else psqrt is an estimate that is wrong at infinity and for subnormals
#include <Eigen/Core>

#include "fornax/base/half.h"

#if defined(__F16C__)
#include <immintrin.h>
#endif

/// SIMD registers for *.isa.cpp files. This header alone touches Eigen::internal; it is included nowhere
/// else, since FORNAX_ISA and the renamed namespace Eigen exist only there.
namespace fornax::cpu::FORNAX_ISA {

/// A register of T in the widest form of this level, and how many T it holds.
template <class T>
using Packet = typename Eigen::internal::packet_traits<T>::type;
template <class T>
inline constexpr int lanes = Eigen::internal::packet_traits<T>::size;

/// Unaligned load and store.
template <class T>
inline Packet<T> load(const T* from) {
  return Eigen::internal::ploadu<Packet<T>>(from);
}
template <class T>
inline void store(T* to, const Packet<T>& value) {
  Eigen::internal::pstoreu<T>(to, value);
}
template <class T>
inline Packet<T> broadcast(T value) {
  return Eigen::internal::pset1<Packet<T>>(value);
}
/// a * b + c, fused where the level can.
template <class P>
inline P multiply_add(const P& a, const P& b, const P& c) {
  return Eigen::internal::pmadd(a, b, c);
}
/// a + b and so on, lane by lane.
template <class P>
inline P add(const P& a, const P& b) {
  return Eigen::internal::padd(a, b);
}
template <class P>
inline P subtract(const P& a, const P& b) {
  return Eigen::internal::psub(a, b);
}
template <class P>
inline P multiply(const P& a, const P& b) {
  return Eigen::internal::pmul(a, b);
}
template <class P>
inline P divide(const P& a, const P& b) {
  return Eigen::internal::pdiv(a, b);
}
template <class P>
inline P abs(const P& a) {
  return Eigen::internal::pabs(a);
}
template <class P>
inline P sqrt(const P& a) {
  return Eigen::internal::psqrt(a);
}
/// The larger and the smaller; a NaN in either stays one.
template <class P>
inline P max(const P& a, const P& b) {
  return Eigen::internal::pmax<Eigen::PropagateNaN>(a, b);
}
template <class P>
inline P min(const P& a, const P& b) {
  return Eigen::internal::pmin<Eigen::PropagateNaN>(a, b);
}
/// e^a. Results below the smallest normal number may come out as 0.
template <class T>
inline Packet<T> exp(const Packet<T>& a) {
  // Eigen's stops at the subnormal e^-88.723 (e^-709.784), where softmax wants exp(-infinity) to be 0. Its
  // generic form is the same at all levels; the one for AVX-512 is wrong above 88.37.
  using namespace Eigen::internal;
  const Packet<T> below = pcmp_lt(a, broadcast(sizeof(T) == 4 ? T(-88.72f) : T(-709.78)));
  if constexpr (sizeof(T) == 4)
    return pandnot(pexp_float(a), below);
  else
    return pandnot(pexp_double(a), below);
}
/// The natural logarithm; subnormal numbers count as the smallest normal one.
template <class T>
inline Packet<T> log(const Packet<T>& a) {
  if constexpr (sizeof(T) == 4)
    return Eigen::internal::plog_float(a);
  else
    return Eigen::internal::plog_double(a);
}
template <class P>
inline P floor(const P& a) {
  return Eigen::internal::pfloor(a);
}
/// tanh of floats, to 3 units in the last place.
inline Packet<float> rational_tanh(const Packet<float>& a) {
  return Eigen::internal::generic_fast_tanh_float(a);
}
/// max(a, 0), where a NaN stays one.
template <class T>
inline Packet<T> relu(const Packet<T>& a) {
  return max(a, broadcast(T(0)));
}
/// Turns lanes x lanes values held as rows into columns.
template <class T>
inline void transpose(Packet<T> (&rows)[lanes<T>]) {
  Eigen::internal::PacketBlock<Packet<T>, lanes<T>> block;
  for (int i = 0; i < lanes<T>; ++i) block.packet[i] = rows[i];
  Eigen::internal::ptranspose(block);
  for (int i = 0; i < lanes<T>; ++i) rows[i] = block.packet[i];
}

/// The bits of a register of float, and of as many 16-bit values.
typedef std::uint32_t Bits __attribute__((vector_size(sizeof(float) * lanes<float>)));
typedef std::uint16_t Words __attribute__((vector_size(sizeof(float) * lanes<float> / 2)));

/// 16-bit values as a register of float and back, rounded to nearest even.
inline Packet<float> load(const Half* from) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#elif defined(__F16C__)
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
  float wide[lanes<float>];
  for (int i = 0; i < lanes<float>; ++i) wide[i] = from[i];
  return load(wide);
#endif
}
inline Packet<float> load(const BFloat16* from) {
  Words narrow;
  __builtin_memcpy(&narrow, &from->bits, sizeof narrow);
  const Bits bits = __builtin_convertvector(narrow, Bits) << 16;
  Packet<float> value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}
inline void store(Half* to, const Packet<float>& value) {
#if defined(__AVX512F__)
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
#elif defined(__F16C__)
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
#else
  float wide[lanes<float>];
  store(wide, value);
  for (int i = 0; i < lanes<float>; ++i) to[i] = Half(wide[i]);
#endif
}
inline void store(BFloat16* to, const Packet<float>& value) {
  Bits bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  const Bits rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const Bits quiet_nan = (bits >> 16) | 0x0040u;
  const Words narrow =
      __builtin_convertvector((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded, Words);
  __builtin_memcpy(&to->bits, &narrow, sizeof narrow);
}

/// The first `count` lanes, for the ends of rows; the others are loaded as 0 and not stored.
template <class T>
inline Packet<T> load_first(const auto* from, std::int64_t count) {
  std::remove_cvref_t<decltype(*from)> buffer[lanes<T>] = {};
  __builtin_memcpy(static_cast<void*>(buffer), from, static_cast<std::size_t>(count) * sizeof *buffer);
  return load(buffer);
}
template <class T>
inline void store_first(auto* to, const Packet<T>& value, std::int64_t count) {
  std::remove_cvref_t<decltype(*to)> buffer[lanes<T>];
  store(buffer, value);
  __builtin_memcpy(static_cast<void*>(to), buffer, static_cast<std::size_t>(count) * sizeof *buffer);
}

}  // namespace fornax::cpu::FORNAX_ISA
