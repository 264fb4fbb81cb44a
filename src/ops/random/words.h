#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace fornax::cpu {

struct PhiloxKernels {
  /// words[k] = philox(seed, w / 4, stream)[w % 4] for w = first + k, k < count.
  void (*words)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::int64_t count,
                std::uint32_t* words);
};
FORNAX_ISA_TABLE(PhiloxKernels, philox_kernels)

}  // namespace fornax::cpu
