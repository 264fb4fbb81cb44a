#pragma once

#include <cstdint>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"

namespace fornax::cpu {

/// c[m,n] = a[m,k] * b[k,n] + bias. All of one floating dtype; f16 and bf16 are summed in float and rounded
/// once. a and b have any strides (counted in elements, zero and negative too), c's columns are adjacent; c
/// overlaps neither.
struct Gemm {
  DType dtype = f32;
  std::int64_t m = 0, n = 0, k = 0;
  const void* a = nullptr;
  std::int64_t a_row = 0, a_column = 1;
  const void* b = nullptr;
  std::int64_t b_row = 0, b_column = 1;
  void* c = nullptr;
  std::int64_t c_row = 0;
  const void* bias = nullptr;  ///< n values, or null
  bool accumulate = false;     ///< c += instead
  bool relu = false;           ///< c = max(c, 0) at the end
};

/// Runs on all threads of the pool if the product is large enough. The bits of c depend on the shape and the
/// instruction set, not on the number of threads. Throws OutOfMemory.
FORNAX_API void gemm(const Gemm& product);

}  // namespace fornax::cpu
