#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "fornax/base/dtype.h"

/// Strided copies that transpose and convert: how operands get into the layout that the inner loops want.
namespace fornax::cpu {

/// to[i * to_row + j] = from[i * from_row + j * from_column] for i < rows, j < columns. Strides count
/// elements.
using Copy = void (*)(const void* from, std::int64_t from_row, std::int64_t from_column, void* to,
                      std::int64_t to_row, std::int64_t rows, std::int64_t columns);

/// Cuts rows (adjacent columns) into panels, `panel_size` elements apart: `width` columns each, [rows, width]
/// dense, the last filled up with zeros. `width` is a multiple of a register.
using Pack = void (*)(const void* from, std::int64_t from_row, std::int64_t rows, std::int64_t columns,
                      void* to, std::int64_t width, std::int64_t panel_size);

struct CopyKernels {
  Copy f64, f32, f16_to_f32, bf16_to_f32, f32_to_f16, f32_to_bf16;
  Pack pack_f64, pack_f32, pack_f16, pack_bf16;  ///< to the compute type
};
FORNAX_ISA_TABLE(CopyKernels, copy_kernels)

/// From a floating dtype to the type that it is computed in (accumulate_t).
Copy copy_to_compute(DType dtype);
/// And back.
Copy copy_from_compute(DType dtype);
Pack pack_to_compute(DType dtype);

/// Copies a matrix [rows, columns] of `dtype` into panels, on all threads: `width` columns each, [rows,
/// width] dense in the compute type, the last filled up with zeros. `to` holds panel_count(columns, width) *
/// rows * width values.
void pack_panels(DType dtype, const void* from, std::int64_t from_row, std::int64_t from_column,
                 std::int64_t rows, std::int64_t columns, std::int64_t width, void* to);
constexpr std::int64_t panel_count(std::int64_t columns, std::int64_t width) {
  return (columns + width - 1) / width;
}

}  // namespace fornax::cpu
