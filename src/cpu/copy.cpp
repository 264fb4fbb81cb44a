#include "cpu/copy.h"

#include <algorithm>
#include <cstring>

#include "fornax/base/parallel.h"

namespace fornax::cpu {

Copy copy_to_compute(DType dtype) {
  const CopyKernels& kernels = copy_kernels();
  switch (dtype) {
    case f64: return kernels.f64;
    case f16: return kernels.f16_to_f32;
    case bf16: return kernels.bf16_to_f32;
    default: return kernels.f32;
  }
}

Copy copy_from_compute(DType dtype) {
  const CopyKernels& kernels = copy_kernels();
  switch (dtype) {
    case f64: return kernels.f64;
    case f16: return kernels.f32_to_f16;
    case bf16: return kernels.f32_to_bf16;
    default: return kernels.f32;
  }
}

Pack pack_to_compute(DType dtype) {
  const CopyKernels& kernels = copy_kernels();
  switch (dtype) {
    case f64: return kernels.pack_f64;
    case f16: return kernels.pack_f16;
    case bf16: return kernels.pack_bf16;
    default: return kernels.pack_f32;
  }
}

void pack_panels(DType dtype, const void* from, std::int64_t from_row, std::int64_t from_column,
                 std::int64_t rows, std::int64_t columns, std::int64_t width, void* to) {
  const Copy copy = copy_to_compute(dtype);
  const auto from_size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t panel_size = rows * width * (dtype == f64 ? 8 : 4);
  const std::int64_t grain = 1 + 50'000 / (panel_size + 1);
  parallel_for(0, panel_count(columns, width), grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t p = first; p < last; ++p) {
      const std::int64_t filled = std::min(width, columns - p * width);
      char* panel = static_cast<char*>(to) + p * panel_size;
      if (filled < width) std::memset(panel, 0, static_cast<std::size_t>(panel_size));
      copy(static_cast<const char*>(from) + p * width * from_column * from_size, from_row, from_column, panel,
           width, rows, filled);
    }
  });
}

}  // namespace fornax::cpu
