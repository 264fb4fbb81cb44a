#pragma once

#include <array>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// y = value; any strides.
struct Fill {
  static constexpr std::string_view op_name = "fill";
  TensorView y;
  Scalar value = 0;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}}; }
};

extern const dispatch::Kernel<Fill> fill_cpu, fill_cuda;
extern const dispatch::Row<Fill> fill_row;

}  // namespace fornax::ops
