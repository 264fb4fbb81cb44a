#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "fornax/tensor/tensor.h"

/// Checks that many ops share, and how their messages show the operands.
namespace fornax::ops {

/// A tensor with the name that messages give it.
struct Named {
  std::string_view name;
  const Tensor& tensor;
};

/// "a=f32[2,3]@cpu b=..." of the defined ones.
std::string describe(std::initializer_list<Named> tensors);

/// Throws DTypeError or DeviceError naming `op` unless the defined tensors have one floating dtype and one
/// device.
void check_floating(std::string_view op, std::initializer_list<Named> tensors);

}  // namespace fornax::ops
