#include "ops/common/check.h"

#include <fmt/core.h>

#include "fornax/base/error.h"

namespace fornax::ops {

std::string describe(std::initializer_list<Named> tensors) {
  std::string text;
  for (const auto& [name, tensor, is_optional] : tensors) {
    if (!tensor.defined()) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, fornax::describe(tensor));
  }
  return text;
}

void fail_undefined(std::string_view op, std::string_view name) {
  throw ValueError(op, fmt::format("expected a tensor as {}, got an undefined one", name));
}

void check_floating(std::string_view op, std::initializer_list<Named> tensors) {
  for (const Named& named : tensors)
    if (!named.is_optional) check_defined(op, named.tensor, named.name);
  const Tensor& first = tensors.begin()->tensor;
  if (!is_floating(first.dtype())) {
    throw DTypeError(
        op, fmt::format("expected floating operands, got {}; {}", name_of(first.dtype()), describe(tensors)));
  }
  for (const auto& [name, tensor, is_optional] : tensors) {
    if (!tensor.defined()) continue;
    if (tensor.dtype() != first.dtype()) {
      throw DTypeError(op, fmt::format("expected operands of one dtype, got {} and {}; {}",
                                       name_of(first.dtype()), name_of(tensor.dtype()), describe(tensors)));
    }
    if (tensor.device() != first.device()) {
      throw DeviceError(
          op, fmt::format("expected operands on one device, got {} and {}; {}", to_string(first.device()),
                          to_string(tensor.device()), describe(tensors)));
    }
  }
}

void check_none_or_relu(std::string_view op, Activation activation) {
  if (activation != Activation::none && activation != Activation::relu)
    throw ValueError(op, "expected no activation or relu, got gelu_tanh, which linear alone has");
}

}  // namespace fornax::ops
