#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "fornax/base/dtype.h"

/// The inner loops of batch normalisation. They see a tensor as lines of adjacent elements: in channels_last
/// a line is a pixel and what is per channel goes along it; in row-major order ("planar") a line is one
/// channel of one image and what is per channel is one value.
namespace fornax::cpu {

/// Which elements the activation passes a gradient for: all, those where `bits` says so, or those whose
/// normalised value is positive.
enum class Gate : std::uint8_t { open, bits, recompute };

/// Lines of x and of what lies as x does, and the per-channel values of their first elements.
template <class S>
struct NormLines {
  using T = accumulate_t<S>;
  std::int64_t lines, length, line_stride;
  const S* x;
  const T *mean, *scale, *bias;  // normalised: (x - mean) * scale + bias
  std::uint8_t* bits = nullptr;  // one per element, lines `bits_stride` bytes apart
  std::int64_t bits_stride = 0;

  // forward
  S* y = nullptr;
  const S* residual = nullptr;
  bool relu = false;

  // backward: dx = g * scale + (x - mean) * slope + offset, without the latter two if they are null
  Gate gate = Gate::open;
  const S *dy = nullptr, *more = nullptr;
  S *g = nullptr, *dx = nullptr, *dresidual = nullptr;
  const T *slope = nullptr, *offset = nullptr;
};

/// Most channels of the lines that a channels_last sum takes.
inline constexpr std::int64_t most_channels = 1024;

template <class S>
struct NormKernels {
  /// Mean and sum of squared deviations of each channel.
  void (*statistics)(const NormLines<S>&, double* mean, double* m2);
  void (*apply)(const NormLines<S>&);
  /// Sums of g and of g * (x - mean) of each channel, and g, where there is room for it.
  void (*grad_sums)(const NormLines<S>&, double* g, double* gx);
  void (*grad_input)(const NormLines<S>&);
};

template <class S>
struct NormTable {
  NormKernels<S> channels_last, planar;
};

FORNAX_ISA_TABLE(NormTable<double>, norm_f64)
FORNAX_ISA_TABLE(NormTable<float>, norm_f32)
FORNAX_ISA_TABLE(NormTable<Half>, norm_f16)
FORNAX_ISA_TABLE(NormTable<BFloat16>, norm_bf16)

template <class S>
const NormTable<S>& norm_table() {
  if constexpr (dtype_of<S> == f64)
    return norm_f64();
  else if constexpr (dtype_of<S> == f32)
    return norm_f32();
  else if constexpr (dtype_of<S> == f16)
    return norm_f16();
  else
    return norm_bf16();
}

}  // namespace fornax::cpu
