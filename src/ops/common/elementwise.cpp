#include "ops/common/elementwise.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"

namespace fornax::ops {

void check_alike(std::string_view op, const Tensor& a, const Tensor& b) {
  check_defined(op, a, "a");
  check_defined(op, b, "b");
  if (a.dtype() != b.dtype()) {
    throw DTypeError(op,
                     fmt::format("expected operands of one dtype (cast with .to()), got {} and {}; a={} b={}",
                                 name_of(a.dtype()), name_of(b.dtype()), describe(a), describe(b)));
  }
  if (a.device() != b.device()) {
    throw DeviceError(
        op, fmt::format("expected operands on one device, got {} and {}; a={} b={}", to_string(a.device()),
                        to_string(b.device()), describe(a), describe(b)));
  }
}

void check_dtype(std::string_view op, const Tensor& x, DTypeSet dtypes, std::string_view wanted) {
  check_defined(op, x);
  if (!dtypes.contains(x.dtype())) {
    throw DTypeError(op, fmt::format("expected {} (cast with .to()), got {}; x={}", wanted,
                                     name_of(x.dtype()), describe(x)));
  }
}

void check_scalar(std::string_view op, const Tensor& x, Scalar value) {
  check_defined(op, x);
  if (is_floating(x.dtype())) return;
  const bool fits = visit_dtype(x.dtype(), [&]<class T>(std::type_identity<T>) {
    if constexpr (std::is_integral_v<T>) return value.fits<T>();
    return true;
  });
  if (!fits) {
    throw DTypeError(op, fmt::format("expected a number that {} holds (or cast with .to()), got {}; x={}",
                                     name_of(x.dtype()), value.real(), describe(x)));
  }
}

Tensor empty_for(const Shape& shape, DType dtype, const Tensor& a, const Tensor& b) {
  for (const Tensor* operand : {&a, &b}) {
    if (!operand->defined() || operand->shape() != shape) continue;
    if (operand->is_contiguous()) return empty(shape, {.dtype = dtype, .device = operand->device()});
    if (operand->is_contiguous(MemoryFormat::channels_last)) {
      return empty(shape,
                   {.dtype = dtype, .device = operand->device(), .format = MemoryFormat::channels_last});
    }
  }
  return empty(shape, {.dtype = dtype, .device = (a.defined() ? a : b).device()});
}

void check_target(std::string_view op, const Tensor& target, const Tensor& source) {
  if (source.defined() && broadcast(op, target, source) != target.shape()) {
    throw ShapeError(op, fmt::format("expected an operand that broadcasts to {}, got {}", describe(target),
                                     describe(source)));
  }
  for (int axis = 0; axis < target.rank(); ++axis) {
    if (target.strides()[axis] == 0 && target.size(axis) > 1)
      throw ShapeError(
          op, "expected memory of its own for each element, got an expanded tensor; x=" + describe(target));
  }
}

Shape broadcast(std::string_view op, const Tensor& a, const Tensor& b) {
  const auto operands = [&] { return ops::describe({{"a", a}, {"b", b}}); };
  return broadcast_shapes(a.shape(), b.shape(), op, operands);
}

Tensor unaliased(const Tensor& source, const Tensor& target) {
  if (source.storage() != target.storage()) return source;
  const TensorView from = source, to = target;
  const bool same = from.data == to.data && from.shape == to.shape && from.strides == to.strides;
  return same && !autograd::needs_grad({{source, target}}) ? source : source.clone();
}

}  // namespace fornax::ops
