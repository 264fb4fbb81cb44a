#pragma once

#include <cstdint>

#include "cpu/isa.h"

/// The inner loops of floating reductions. T is the type x is computed in, float or double; partial results
/// travel as double.
namespace fornax::cpu {

/// How elements become partial results, and partial results one: the ReduceKinds without their endings.
enum class Fold : std::uint8_t { sum, sum_abs, sum_squares, sum_exp, max, max_abs, min };
inline constexpr int fold_count = 7;

/// Most elements of one call of fold_row, and most rows and columns of one of fold_columns: what keeps sums
/// of floats accurate and buffers on the stack.
inline constexpr std::int64_t fold_row_length = 4096, fold_row_count = 64, fold_column_count = 512;

template <class T>
struct FoldKernels {
  /// The fold of `count` adjacent elements, from each of which `center` is subtracted (sum_squares, sum_exp).
  double (*row[fold_count])(const T* x, std::int64_t count, T center);
  /// total[c] = merge(total[c], fold of the rows' column c); a center per column or null.
  void (*columns[fold_count])(const T* x, std::int64_t row_stride, std::int64_t rows, std::int64_t columns,
                              const T* center, double* total);
};
FORNAX_ISA_TABLE(FoldKernels<float>, fold_kernels_f32)
FORNAX_ISA_TABLE(FoldKernels<double>, fold_kernels_f64)

}  // namespace fornax::cpu
