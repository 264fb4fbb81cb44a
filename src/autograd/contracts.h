#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "fornax/tensor/tensor.h"

/// The two computations that autograd itself needs, as contracts: it knows no op.
namespace fornax::autograd {

/// y = a + b, or y = a if b is undefined; same shape and dtype, any strides; y may be a.
struct GradAccumulate {
  static constexpr std::string_view op_name = "grad_accumulate";
  TensorView y, a, b;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"a", &a}, dispatch::Operand{"b", &b}};
  }
};

/// found[0] = true if x holds a NaN or an infinity, else found is left alone; a bool tensor of one element.
struct FindNonfinite {
  static constexpr std::string_view op_name = "find_nonfinite";
  TensorView x, found;
  auto operands() const { return std::array{dispatch::Operand{"x", &x}, dispatch::Operand{"found", &found}}; }
};

extern const dispatch::Row<GradAccumulate> grad_accumulate_row;
extern const dispatch::Row<FindNonfinite> find_nonfinite_row;

/// grad += more, reusing whichever memory nobody else can see. An undefined `grad` becomes `more` itself.
void accumulate(Tensor& grad, Tensor more);

}  // namespace fornax::autograd
