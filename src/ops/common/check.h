#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "fornax/ops/activation.h"
#include "fornax/tensor/tensor.h"

/// Checks that many ops share, and how their messages show the operands.
namespace fornax::ops {

inline constexpr bool optional = true;

/// A tensor with the name that messages give it. One that is optional may be undefined.
struct Named {
  std::string_view name;
  const Tensor& tensor;
  bool is_optional = false;
};

/// "a=f32[2,3]@cpu b=..." of the defined ones.
std::string describe(std::initializer_list<Named> tensors);

[[noreturn]] void fail_undefined(std::string_view op, std::string_view name);
/// Throws ValueError naming `op` and the operand if `x` is undefined.
inline void check_defined(std::string_view op, const Tensor& x, std::string_view name = "x") {
  if (!x.defined()) [[unlikely]]
    fail_undefined(op, name);
}

/// Throws ValueError, DTypeError or DeviceError naming `op` unless the tensors are defined, but for optional
/// ones, and have one floating dtype and one device.
void check_floating(std::string_view op, std::initializer_list<Named> tensors);

/// Throws ValueError naming `op` unless the activation is none or relu.
void check_none_or_relu(std::string_view op, Activation activation);

}  // namespace fornax::ops
