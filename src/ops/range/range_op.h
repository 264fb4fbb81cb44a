#pragma once

#include <array>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y[i] = origin + (i - at) * step; y has rank 1 and any stride. Computed in f64, for integers in i64.
struct Range {
  static constexpr std::string_view op_name = "range";
  TensorView y;
  Scalar origin = 0, step = 1;
  std::int64_t at = 0;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}}; }
};

extern const dispatch::Kernel<Range> range_cpu, range_cuda;
extern const dispatch::Row<Range> range_row;

}  // namespace fornax::ops
