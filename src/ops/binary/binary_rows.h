#pragma once

#include "cpu/isa.h"
#include "fornax/base/dtype.h"
#include "ops/binary/binary_op.h"

namespace fornax::cpu {

/// y[i] = a[i] <kind> b[i] for i < count, all adjacent. `scalar` points to a value of the type of the
/// computation.
using BinaryRow = void (*)(void* y, const void* a, const void* b, const void* scalar, std::int64_t count);

/// What stands for the scalar: nothing (or the factor of add_scaled), b, or a.
enum class BinaryForm : std::uint8_t { tensors, scalar_right, scalar_left };
inline constexpr int binary_form_count = 3;

struct BinaryKernels {
  /// By kind, dtype and form; null where there is none.
  BinaryRow rows[ops::binary_kind_count][dtype_count][binary_form_count];
};
FORNAX_ISA_TABLE(BinaryKernels, binary_kernels)

}  // namespace fornax::cpu
