#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// What becomes of the elements of one output. c is the center, 0 if absent.
enum class ReduceKind {
  sum,          ///< sum of x
  sum_squares,  ///< sum of (x - c)^2
  norm1,        ///< sum of |x|
  norm2,        ///< sqrt(sum of x^2)
  norm_inf,     ///< max of |x|
  logsumexp,    ///< c + log(sum of exp(x - c)), where an infinite c counts as 0
  max,          ///< NaN if there is one; of bool: any
  min,          ///< NaN if there is one; of bool: all
};

/// y = scale * (x reduced over the axes where y's size is 1); y has x's rank; any strides.
/// Floating: y is x's dtype or, for 16-bit x, f32; sums accumulate in f32 over short runs and, on the CPU, in
/// f64 beyond; devices merge many short f32 sums.
/// Integers and bool (sum, max, min; no scale): sums are i64, extremes have x's dtype. Over no elements sums
/// are 0 and floating extremes are the infinity that loses; integers have no such value, and callers refuse
/// that.
struct Reduce {
  static constexpr std::string_view op_name = "reduce";
  TensorView y, x;
  ReduceKind kind = ReduceKind::sum;
  /// y's shape; f64 for f64, else f32. For sum_squares and logsumexp.
  TensorView center;
  double scale = 1;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x},
                      dispatch::Operand{"center", &center}};
  }
};

extern const dispatch::Kernel<Reduce> reduce_simd_cpu, reduce_integer_cpu, reduce_cuda;
extern const dispatch::Row<Reduce> reduce_row;

}  // namespace fornax::ops
