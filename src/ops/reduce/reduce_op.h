#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

enum class ReduceKind { sum };

/// y = x reduced over the axes where y's size is 1; y has x's rank. Accumulates in f64 for f64, in f32 for
/// the other floating types, in i64 for integers; i32, u8 and bool sum to i64.
struct Reduce {
  static constexpr std::string_view op_name = "reduce";
  TensorView y, x;
  ReduceKind kind = ReduceKind::sum;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

extern const dispatch::Kernel<Reduce> reduce_cpu;
extern const dispatch::Row<Reduce> reduce_row;

}  // namespace fornax::ops
