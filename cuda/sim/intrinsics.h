#pragma once

// The functions of the device language that need nothing of the simulator. Included by sim/language.h.

using std::max;
using std::min;

template <class T>
T __ldg(const T* data) {
  return *data;
}

// One simulated thread runs at a time, so reading and writing is atomic.
template <class T>
T atomicAdd(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomicSub(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return static_cast<T>(old - value); });
}
template <class T>
T atomicMax(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return old < value ? value : old; });
}
template <class T>
T atomicMin(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return value < old ? value : old; });
}
template <class T>
T atomicOr(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return static_cast<T>(old | value); });
}
template <class T>
T atomicAnd(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return static_cast<T>(old & value); });
}
template <class T>
T atomicXor(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return static_cast<T>(old ^ value); });
}
template <class T>
T atomicExch(T* data, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* data, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return fornax::sim::change_atomically(data, [=](T old) { return old == expected ? value : old; });
}

// Order between threads is what barriers are for; a fence orders one thread's own accesses, which run in
// order.
inline void __threadfence() {}
inline void __threadfence_block() {}

inline int __popc(unsigned value) { return std::popcount(value); }
inline int __popcll(unsigned long long value) { return std::popcount(value); }
inline int __clz(int value) { return std::countl_zero(static_cast<unsigned>(value)); }
inline int __clzll(long long value) { return std::countl_zero(static_cast<unsigned long long>(value)); }
inline int __ffs(int value) { return value == 0 ? 0 : std::countr_zero(static_cast<unsigned>(value)) + 1; }
inline int __ffsll(long long value) {
  return value == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(value)) + 1;
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}

inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline long long __double_as_longlong(double value) { return std::bit_cast<long long>(value); }
inline double __longlong_as_double(long long bits) { return std::bit_cast<double>(bits); }

// The fast functions are exact here: what they lose on a device differs by its generation.
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float rsqrt(float x) { return 1.0f / std::sqrt(x); }
inline double rsqrt(double x) { return 1.0 / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __exp10f(float x) { return std::pow(10.0f, x); }
inline float __logf(float x) { return std::log(x); }
inline float __log2f(float x) { return std::log2(x); }
inline float __log10f(float x) { return std::log10(x); }
inline float __powf(float x, float y) { return std::pow(x, y); }
inline float __sinf(float x) { return std::sin(x); }
inline float __cosf(float x) { return std::cos(x); }
inline float __tanf(float x) { return std::tan(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float __frsqrt_rn(float x) { return 1.0f / std::sqrt(x); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline float __saturatef(float x) { return x > 0.0f ? std::min(x, 1.0f) : 0.0f; }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline int __float2int_rd(float x) { return static_cast<int>(std::floor(x)); }
inline int __float2int_ru(float x) { return static_cast<int>(std::ceil(x)); }
inline int __float2int_rz(float x) { return static_cast<int>(x); }
