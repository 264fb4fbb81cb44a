#pragma once

#include <array>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y = condition ? a : b; condition is bool, a and b have y's dtype, all three broadcast to y's shape. One of
/// a and b may be undefined: then `scalar` stands in its place.
struct Where {
  static constexpr std::string_view op_name = "where";
  TensorView y, condition, a, b;
  Scalar scalar = 0;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"condition", &condition},
                      dispatch::Operand{"a", &a}, dispatch::Operand{"b", &b}};
  }
};

extern const dispatch::Kernel<Where> where_cpu, where_cuda;
extern const dispatch::Row<Where> where_row;

}  // namespace fornax::ops
