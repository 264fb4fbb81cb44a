#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fornax/base/scalar.h"
#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// include/fornax/ops/elementwise.h has the formulas; the kinds up to clamp take integers too.
enum class UnaryKind : std::uint8_t {
  neg,
  abs,
  sign,
  square,
  clamp,
  floor,
  reciprocal,
  exp,
  log,
  sqrt,
  tanh,
  sigmoid,
  relu,
  silu,
  gelu,
  gelu_tanh
};
inline constexpr int unary_kind_count = 16;
constexpr bool takes_integers(UnaryKind kind) { return kind <= UnaryKind::clamp; }

/// y = kind(x), of x's shape and dtype; y may be x. clamp is between `low` and `high`. 16-bit types are
/// computed in f32; integers wrap around.
struct Unary {
  static constexpr std::string_view op_name = "unary";
  TensorView y, x;
  UnaryKind kind = UnaryKind::neg;
  Scalar low = 0, high = 0;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

/// True if the derivative is a function of y, else it is one of x.
constexpr bool derives_from_output(UnaryKind kind) {
  switch (kind) {
    case UnaryKind::reciprocal:
    case UnaryKind::exp:
    case UnaryKind::sqrt:
    case UnaryKind::tanh:
    case UnaryKind::sigmoid:
    case UnaryKind::relu: return true;
    default: return false;
  }
}

/// dx = dy * kind'(x) in one pass, where `saved` is y or x as derives_from_output says; floating dtypes; dx
/// may be dy. Not for neg, sign and floor, whose derivatives are constants.
struct UnaryGrad {
  static constexpr std::string_view op_name = "unary_grad";
  TensorView dx, dy, saved;
  UnaryKind kind = UnaryKind::abs;
  Scalar low = 0, high = 0;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx}, dispatch::Operand{"dy", &dy},
                      dispatch::Operand{"saved", &saved}};
  }
};

extern const dispatch::Kernel<Unary> unary_cpu, unary_cuda;
extern const dispatch::Row<Unary> unary_row;
extern const dispatch::Kernel<UnaryGrad> unary_grad_cpu, unary_grad_cuda;
extern const dispatch::Row<UnaryGrad> unary_grad_row;

}  // namespace fornax::ops
