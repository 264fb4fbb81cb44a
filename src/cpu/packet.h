#pragma once

#define EIGEN_FAST_MATH 0  // else psqrt is an estimate that is wrong at infinity and for subnormals
#include <Eigen/Core>
#include <type_traits>

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
using Bits [[gnu::vector_size(sizeof(float) * lanes<float>)]] = std::uint32_t;
using Words [[gnu::vector_size(sizeof(float) * lanes<float> / 2)]] = std::uint16_t;

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
#if defined(__AVX512F__)
  const __m256i narrow = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
#elif defined(__AVX2__)
  const __m128i narrow = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
#else
  Words narrow;
  __builtin_memcpy(&narrow, &from->bits, sizeof narrow);
  const Bits bits = __builtin_convertvector(narrow, Bits) << 16;
  Packet<float> value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
#endif
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
  const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u), quiet_nan = bits | 0x00400000u;
  bits = (value != value ? quiet_nan : rounded) >> 16;  // NOLINT(misc-redundant-expression): true of NaN
#if defined(__AVX512F__)
  const __m256i narrow = _mm512_cvtepi32_epi16(reinterpret_cast<__m512i>(bits));
#elif defined(__AVX2__)
  const __m256i twice = _mm256_packus_epi32(reinterpret_cast<__m256i>(bits), reinterpret_cast<__m256i>(bits));
  const __m128i narrow = _mm256_castsi256_si128(_mm256_permute4x64_epi64(twice, 0x08));
#else
  const Words narrow = __builtin_convertvector(bits, Words);
#endif
  __builtin_memcpy(static_cast<void*>(to), &narrow, sizeof narrow);
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

/// A whole register of memory, or its first `count` lanes: one form for the middle and the end of a row.
template <class T, bool Whole>
inline Packet<T> load_some(const auto* from, std::int64_t count) {
  if constexpr (Whole)
    return load(from);
  else
    return load_first<T>(from, count);
}
template <class T, bool Whole>
inline void store_some(auto* to, const Packet<T>& value, std::int64_t count) {
  if constexpr (Whole)
    store(to, value);
  else
    store_first<T>(to, value, count);
}

/// Lanes of ones where the condition holds, for select.
template <class T>
inline Packet<T> equal(const Packet<T>& a, const Packet<T>& b) {
  return Eigen::internal::pcmp_eq(a, b);
}
/// a > b, or a is NaN.
template <class T>
inline Packet<T> greater_or_nan(const Packet<T>& a, const Packet<T>& b) {
  return Eigen::internal::por(Eigen::internal::pcmp_lt(b, a), Eigen::internal::pcmp_lt_or_nan(a, a));
}
template <class T>
inline Packet<T> select(const Packet<T>& condition, const Packet<T>& a, const Packet<T>& b) {
  return Eigen::internal::pselect(condition, a, b);
}
/// a where v is above zero or NaN, else zero: the gradient of relu(v).
template <class T>
inline Packet<T> where_active(const Packet<T>& a, const Packet<T>& v) {
  return Eigen::internal::pandnot(a, Eigen::internal::pcmp_le(v, broadcast(T(0))));
}
/// The same condition as bits, the first lane's lowest.
template <class T>
inline std::uint32_t active_bits(const Packet<T>& v) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NLE_UQ);
  else
    return _mm512_cmp_pd_mask(v, _mm512_setzero_pd(), _CMP_NLE_UQ);
#elif defined(__AVX__)
  if constexpr (std::is_same_v<T, float>)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NLE_UQ)));
  else
    return static_cast<std::uint32_t>(_mm256_movemask_pd(_mm256_cmp_pd(v, _mm256_setzero_pd(), _CMP_NLE_UQ)));
#else
  T values[lanes<T>];
  store(values, v);
  std::uint32_t bits = 0;
  for (int i = 0; i < lanes<T>; ++i) bits |= static_cast<std::uint32_t>(!(values[i] <= T(0))) << i;
  return bits;
#endif
}
/// a where the lane's bit is set, else zero.
template <class T>
inline Packet<T> where_bits(const Packet<T>& a, std::uint32_t bits) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    return _mm512_maskz_mov_ps(static_cast<__mmask16>(bits), a);
  else
    return _mm512_maskz_mov_pd(static_cast<__mmask8>(bits), a);
#else
  using Word = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  using Lanes [[gnu::vector_size(sizeof(T) * lanes<T>)]] = Word;
  Lanes lane, value;
  for (int i = 0; i < lanes<T>; ++i) lane[i] = Word(1) << i;
  __builtin_memcpy(&value, &a, sizeof value);
  value &= reinterpret_cast<Lanes>((lane & Word(bits)) != 0);
  Packet<T> result;
  __builtin_memcpy(&result, &value, sizeof result);
  return result;
#endif
}

}  // namespace fornax::cpu::FORNAX_ISA
