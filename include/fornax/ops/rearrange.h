#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fornax/tensor/tensor.h"

/// Tensors put together, taken apart, enlarged and turned around: all dtypes, differentiable. None waits for
/// the device. For views of one tensor see the members of Tensor.
namespace fornax {

/// One behind the other along `axis`, where alone their sizes may differ. They must have one dtype
/// (DTypeError; under autocast floating ones are promoted) and device. Throws ShapeError, also for no
/// tensors. The result has the memory format of the first one.
FORNAX_API Tensor concat(std::span<const Tensor> tensors, int axis = 0);
inline Tensor concat(std::initializer_list<Tensor> tensors, int axis = 0) {
  return concat(std::span(tensors.begin(), tensors.size()), axis);
}
/// Tensors of one shape along a new axis.
FORNAX_API Tensor stack(std::span<const Tensor> tensors, int axis = 0);
inline Tensor stack(std::initializer_list<Tensor> tensors, int axis = 0) {
  return stack(std::span(tensors.begin(), tensors.size()), axis);
}

/// Views of x along `axis`: of `size` each, the last one of what is left. Throws ValueError unless size > 0.
FORNAX_API std::vector<Tensor> split(const Tensor& x, std::int64_t size, int axis = 0);
/// Views of the given sizes, whose sum must be x's (ShapeError).
FORNAX_API std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis = 0);
inline std::vector<Tensor> split(const Tensor& x, std::initializer_list<std::int64_t> sizes, int axis = 0) {
  return split(x, std::span(sizes.begin(), sizes.size()), axis);
}
/// At most `count` views of one size, the last one possibly smaller. Throws ValueError unless count > 0.
FORNAX_API std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int axis = 0);

/// How much an axis grows at its ends; a negative number cuts off.
struct Padding {
  int axis;
  std::int64_t before, after;
};
/// x surrounded by `value`: `pad(x, {{-1, 1, 1}, {-2, 1, 1}})`. Throws IndexError, ShapeError if more is cut
/// off than there is.
FORNAX_API Tensor pad(const Tensor& x, std::span<const Padding> paddings, Scalar value = 0);
inline Tensor pad(const Tensor& x, std::initializer_list<Padding> paddings, Scalar value = 0) {
  return pad(x, std::span(paddings.begin(), paddings.size()), value);
}

/// A copy in which the order along each of `axes` is reversed.
FORNAX_API Tensor flip(const Tensor& x, const Dims& axes);

}  // namespace fornax
