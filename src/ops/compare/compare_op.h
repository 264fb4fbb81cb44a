#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

enum class CompareKind : std::uint8_t { eq, ne, lt, le, gt, ge, logical_and, logical_or, logical_xor };
inline constexpr int compare_kind_count = 9;

/// y = a <kind> b, where a and b have one dtype and broadcast to y's shape, and y is bool. b may be
/// undefined: then `scalar` stands in its place. Comparisons with NaN are false, but for ne. The logical
/// kinds take bool only.
struct Compare {
  static constexpr std::string_view op_name = "compare";
  TensorView y, a, b;
  CompareKind kind = CompareKind::eq;
  Scalar scalar = 0;
  /// a first: it is its dtype that kernels claim.
  auto operands() const {
    return std::array{dispatch::Operand{"a", &a}, dispatch::Operand{"b", &b}, dispatch::Operand{"y", &y}};
  }
};

extern const dispatch::Kernel<Compare> compare_cpu, compare_cuda;
extern const dispatch::Row<Compare> compare_row;

}  // namespace fornax::ops
