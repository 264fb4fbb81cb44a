#pragma once

#include "device/cuda.cuh"

namespace fornax::cuda {

/// a * b + c, rounded twice. nvcc would fuse the plain expression; here the bits are to be those of the CPU.
#if defined(__CUDACC__)
__device__ inline float unfused_multiply_add(float a, float b, float c) {
  return __fadd_rn(__fmul_rn(a, b), c);
}
__device__ inline double unfused_multiply_add(double a, double b, double c) {
  return __dadd_rn(__dmul_rn(a, b), c);
}
#else
template <class T>
inline T unfused_multiply_add(T a, T b, T c) {
  return a * b + c;
}
#endif

}  // namespace fornax::cuda
