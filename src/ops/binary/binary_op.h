#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

enum class BinaryKind : std::uint8_t { add, sub, mul, div, maximum, minimum, pow, add_scaled };
inline constexpr int binary_kind_count = 8;

/// y = a <kind> b, where a and b broadcast to y's shape and have y's dtype; y may be a or b. One of a and b
/// may be undefined: then `scalar` stands in its place, in the type of the computation. add_scaled is y = a +
/// scalar * b. 16-bit types are computed in f32; integers wrap around and know no div and pow.
struct Binary {
  static constexpr std::string_view op_name = "binary";
  TensorView y, a, b;
  BinaryKind kind = BinaryKind::add;
  Scalar scalar = 0;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"a", &a}, dispatch::Operand{"b", &b}};
  }
};

extern const dispatch::Kernel<Binary> binary_cpu, binary_cuda;
extern const dispatch::Row<Binary> binary_row;

}  // namespace fornax::ops
