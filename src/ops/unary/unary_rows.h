#pragma once

#include "cpu/isa.h"
#include "fornax/base/dtype.h"
#include "ops/unary/unary_op.h"

namespace fornax::cpu {

/// y[i] = f(x[i]) for i < count, all adjacent; `bounds` points to low and high in the type of the
/// computation.
using UnaryRow = void (*)(void* y, const void* x, const void* bounds, std::int64_t count);
/// dx[i] = dy[i] * f'(saved[i]), likewise.
using UnaryGradRow = void (*)(void* dx, const void* dy, const void* saved, const void* bounds,
                              std::int64_t count);

/// By kind and dtype; null where there is none.
struct UnaryKernels {
  UnaryRow rows[ops::unary_kind_count][dtype_count];
};
struct UnaryGradKernels {
  UnaryGradRow rows[ops::unary_kind_count][dtype_count];
};
FORNAX_ISA_TABLE(UnaryKernels, unary_kernels)
FORNAX_ISA_TABLE(UnaryGradKernels, unary_grad_kernels)

}  // namespace fornax::cpu
