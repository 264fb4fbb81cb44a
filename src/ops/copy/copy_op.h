#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y = x, cast to y's dtype; x broadcasts to y's shape; any strides, those of x may be negative. Floating to
/// integer truncates towards zero.
struct Copy {
  static constexpr std::string_view op_name = "copy";
  TensorView y, x;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

extern const dispatch::Kernel<Copy> copy_cpu, copy_cuda;
extern const dispatch::Row<Copy> copy_row;

}  // namespace fornax::ops
