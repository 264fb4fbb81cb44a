#pragma once

#include "cpu/isa.h"

namespace fornax::cpu {

/// y[i] = condition[i] ? a[i] : b[i] for i < count, all adjacent.
using WhereRow = void (*)(void* y, const bool* condition, const void* a, const void* b, std::int64_t count);

struct WhereKernels {
  WhereRow bytes1, bytes2, bytes4, bytes8;
};
FORNAX_ISA_TABLE(WhereKernels, where_kernels)

}  // namespace fornax::cpu
