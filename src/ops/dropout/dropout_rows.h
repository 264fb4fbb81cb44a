#pragma once

#include "cpu/isa.h"

namespace fornax::cpu {

/// y[i] = words[i] >> 8 < threshold ? 0 : x[i] * scale for i < count, all adjacent; `scale` is float or
/// double as the dtype is computed.
using DropoutRow = void (*)(void* y, const void* x, const std::uint32_t* words, std::uint32_t threshold,
                            double scale, std::int64_t count);

struct DropoutKernels {
  DropoutRow f64, f32, f16, bf16;
};
FORNAX_ISA_TABLE(DropoutKernels, dropout_kernels)

}  // namespace fornax::cpu
