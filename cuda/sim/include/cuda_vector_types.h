#pragma once

// CUDA's vector types: 1 to 4 components, aligned so that a thread moves them in one access. Included by
// cuda_runtime.h.

// clang-format off
#define FORNAX_VECTOR_TYPES(T, name, align2, align4)                                                                  \
  struct name##1 { T x; };                                                                                            \
  struct alignas(align2) name##2 { T x, y; };                                                                         \
  struct name##3 { T x, y, z; };                                                                                      \
  struct alignas(align4) name##4 { T x, y, z, w; };                                                                   \
  constexpr name##1 make_##name##1(T x) { return {x}; }                                                               \
  constexpr name##2 make_##name##2(T x, T y) { return {x, y}; }                                                       \
  constexpr name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                               \
  constexpr name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

FORNAX_VECTOR_TYPES(signed char, char, 2, 4)
FORNAX_VECTOR_TYPES(unsigned char, uchar, 2, 4)
FORNAX_VECTOR_TYPES(short, short, 4, 8)
FORNAX_VECTOR_TYPES(unsigned short, ushort, 4, 8)
FORNAX_VECTOR_TYPES(int, int, 8, 16)
FORNAX_VECTOR_TYPES(unsigned, uint, 8, 16)
FORNAX_VECTOR_TYPES(long long, longlong, 16, 16)
FORNAX_VECTOR_TYPES(unsigned long long, ulonglong, 16, 16)
FORNAX_VECTOR_TYPES(float, float, 8, 16)
FORNAX_VECTOR_TYPES(double, double, 16, 16)
#undef FORNAX_VECTOR_TYPES
// clang-format on

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned width = 1, unsigned height = 1, unsigned depth = 1)
      : x(width), y(height), z(depth) {}
  constexpr dim3(uint3 size) : x(size.x), y(size.y), z(size.z) {}
};
