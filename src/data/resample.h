#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace fornax::cpu {

/// How the pixels of one axis are made: pixel i is the sum of lengths[i] source pixels from firsts[i] on, by
/// weights[i * most] and following, of which those beyond are 0. `longest` is the largest length. Weights are
/// not negative; those of one pixel add up to 2^22, as nearly as integers can.
struct ResampleAxis {
  std::int64_t count;
  const std::int32_t* firsts;
  const std::int32_t* lengths;
  const std::int32_t* weights;
  std::int64_t most;
  std::int32_t longest;
};

/// Both round to the nearest byte.
struct ResampleKernels {
  /// One row [axis.count, channels] of `in` [width, channels]; `mirrored`: from right to left.
  void (*across)(const std::uint8_t* in, std::int64_t width, std::int64_t channels, const ResampleAxis& axis,
                 bool mirrored, std::uint8_t* out);
  /// axis.count rows of `width` bytes from rows of as many.
  void (*down)(const std::uint8_t* in, std::int64_t width, const ResampleAxis& axis, std::uint8_t* out);
};
FORNAX_ISA_TABLE(ResampleKernels, resample_kernels)

}  // namespace fornax::cpu
