#pragma once

#include "cpu/isa.h"
#include "fornax/base/dtype.h"
#include "ops/compare/compare_op.h"

namespace fornax::cpu {

/// y[i] = a[i] <kind> b[i] for i < count, all adjacent.
using CompareRow = void (*)(void* y, const void* a, const void* b, std::int64_t count);

struct CompareKernels {
  /// By kind and dtype of a and b; null where there is none.
  CompareRow rows[ops::compare_kind_count][dtype_count];
};
FORNAX_ISA_TABLE(CompareKernels, compare_kernels)

}  // namespace fornax::cpu
