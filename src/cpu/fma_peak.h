#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "fornax/base/dtype.h"

namespace fornax::cpu {

/// GFLOP/s of the whole pool in a loop of independent multiply-adds in registers, in the widest instructions
/// of the machine, whatever level kernels use: what products and convolutions can be held against. For bf16
/// the dot-product instruction where there is one; other 16-bit arithmetic is done in f32. Measures for about
/// a tenth of a second.
FORNAX_API double fma_peak(DType dtype);

struct PeakKernels {
  std::int64_t f64_flops, f32_flops, bf16_flops;  ///< of one round
  /// Run `rounds` rounds; the result only keeps the compiler from dropping them.
  double (*f64)(std::int64_t rounds);
  double (*f32)(std::int64_t rounds);
  double (*bf16)(std::int64_t rounds);  ///< null without such an instruction at this level
};
FORNAX_ISA_TABLE(PeakKernels, peak_kernels)

}  // namespace fornax::cpu
