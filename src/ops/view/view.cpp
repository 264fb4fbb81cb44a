// Views share memory: no kernel runs, only shapes and strides change. Their gradients are views too, but for
// slices (scattered into zeros) and expand (summed).
#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/tensor/tensor.h"
#include "ops/common/sum_to.h"

namespace fornax {
namespace {

struct ReshapeGrad final : autograd::Node {
  Shape shape;
  std::string_view name() const override { return "view"; }
  Grads backward(const Tensor& dy) override { return {dy.reshape(shape)}; }
};

struct PermuteGrad final : autograd::Node {
  Dims axes;
  std::string_view name() const override { return "permute"; }
  Grads backward(const Tensor& dy) override {
    Dims inverse = axes;
    for (int i = 0; i < axes.rank(); ++i) inverse[static_cast<int>(axes[i])] = i;
    return {dy.permute(inverse)};
  }
};

struct SliceGrad final : autograd::Node {
  Shape shape;
  int axis = 0;
  std::int64_t start = 0, end = 0, step = 1;
  std::string_view name() const override { return "slice"; }
  Grads backward(const Tensor& dy) override {
    Tensor dx = zeros(shape, {.dtype = dy.dtype(), .device = dy.device()});
    dx.slice(axis, start, end, step).copy_(dy);
    return {dx};
  }
};

struct ExpandGrad final : autograd::Node {
  Shape shape;
  std::string_view name() const override { return "expand"; }
  Grads backward(const Tensor& dy) override { return {ops::sum_to(dy, shape)}; }
};

Tensor reshaped_alias(const Tensor& x, const Shape& shape, const Strides& strides) {
  Tensor y = x.alias(shape, strides);
  autograd::record<ReshapeGrad>(y, {x}, [&](ReshapeGrad& node) { node.shape = x.shape(); });
  return y;
}

/// `shape` with its -1 resolved. Throws ShapeError unless the element counts agree.
Shape resolve(const Tensor& x, Shape shape, std::string_view op) {
  int unknown = -1;
  std::int64_t known = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == -1 && unknown < 0)
      unknown = i;
    else if (shape[i] < 0)
      throw ShapeError(op, fmt::format("expected sizes of 0 or more and at most one -1, got {}; x={}",
                                       to_string(shape), describe(x)));
    else
      known *= shape[i];
  }
  if (unknown >= 0 && known > 0) shape[unknown] = x.numel() / known;
  if (shape.product() != x.numel() || (unknown >= 0 && known == 0))
    throw ShapeError(op, fmt::format("expected a shape of {} elements, got {}; x={}", x.numel(),
                                     to_string(shape), describe(x)));
  return shape;
}

/// Strides of `shape` over x's elements in x's row-major order, if they exist: each run of x's axes that is
/// dense in itself can be cut anew.
std::optional<Strides> strides_for(const Tensor& x, const Shape& shape) {
  if (x.numel() == 0) return strides_of(shape);
  Strides strides = Dims::filled(shape.rank(), 0);
  int to = shape.rank() - 1;
  int from = x.rank() - 1;
  while (from >= 0) {
    const std::int64_t base = x.strides()[from];
    std::int64_t run = 1;
    do run *= x.shape()[from--];
    while (from >= 0 && (x.shape()[from] == 1 || x.strides()[from] == run * base));
    std::int64_t taken = 1;
    while (to >= 0 && (taken < run || shape[to] == 1)) {
      strides[to] = taken * base;
      taken *= shape[to--];
    }
    if (taken != run) return std::nullopt;
  }
  for (; to >= 0; --to) strides[to] = 1;
  return strides;
}

}  // namespace

Tensor Tensor::view(Shape shape) const {
  const Shape target = resolve(*this, shape, "view");
  const std::optional<Strides> strides = strides_for(*this, target);
  if (!strides)
    throw ShapeError("view", fmt::format("expected strides that allow {}, got {}; use reshape()",
                                         to_string(target), describe(*this)));
  return reshaped_alias(*this, target, *strides);
}

Tensor Tensor::reshape(Shape shape) const {
  const Shape target = resolve(*this, shape, "reshape");
  if (target == this->shape()) return *this;
  if (const std::optional<Strides> strides = strides_for(*this, target))
    return reshaped_alias(*this, target, *strides);
  return contiguous().view(target);
}

Tensor Tensor::flatten(int start, int end) const {
  if (rank() == 0) return reshape({1});
  const int first = normalize_axis(start, *this, "flatten"), last = normalize_axis(end, *this, "flatten");
  if (first > last)
    throw ShapeError("flatten",
                     fmt::format("expected start <= end, got {} and {}; x={}", start, end, describe(*this)));
  Shape target;
  std::int64_t merged = 1;
  for (int axis = 0; axis < rank(); ++axis) {
    if (axis < first || axis > last)
      target.push_back(shape()[axis]);
    else
      merged *= shape()[axis];
    if (axis == last) target.push_back(merged);
  }
  return reshape(target);
}

Tensor Tensor::permute(const Dims& axes) const {
  Shape shape = this->shape();
  Strides strides = this->strides();
  Dims order;
  if (axes.rank() != rank())
    throw ShapeError("permute",
                     fmt::format("expected {} axes, got {}; x={}", rank(), to_string(axes), describe(*this)));
  for (int i = 0; i < rank(); ++i) {
    const int axis = normalize_axis(axes[i], *this, "permute");
    if (order.contains(axis))
      throw ShapeError(
          "permute", fmt::format("expected each axis once, got {}; x={}", to_string(axes), describe(*this)));
    order.push_back(axis);
    shape[i] = this->shape()[axis];
    strides[i] = this->strides()[axis];
  }
  Tensor y = alias(shape, strides);
  autograd::record<PermuteGrad>(y, {*this}, [&](PermuteGrad& node) { node.axes = order; });
  return y;
}

Tensor Tensor::transpose(int axis0, int axis1) const {
  Dims axes;
  for (int i = 0; i < rank(); ++i) axes.push_back(i);
  std::swap(axes[normalize_axis(axis0, *this, "transpose")], axes[normalize_axis(axis1, *this, "transpose")]);
  return permute(axes);
}

Tensor Tensor::slice(int axis_, std::int64_t start, std::int64_t end, std::int64_t step) const {
  const int axis = normalize_axis(axis_, *this, "slice");
  if (step < 1)
    throw ValueError("slice",
                     fmt::format("expected a step of 1 or more, got {}; x={}", step, describe(*this)));
  const std::int64_t size = this->shape()[axis];
  const auto clamped = [size](std::int64_t bound) {
    return std::clamp<std::int64_t>(bound < 0 ? bound + size : bound, 0, size);
  };
  start = clamped(start);
  end = std::max(start, clamped(end));
  Shape shape = this->shape();
  Strides strides = this->strides();
  shape[axis] = (end - start + step - 1) / step;
  strides[axis] *= step;
  Tensor y = alias(shape, strides, start * this->strides()[axis]);
  autograd::record<SliceGrad>(y, {*this}, [&](SliceGrad& node) {
    node.shape = this->shape();
    node.axis = axis;
    node.start = start;
    node.end = end;
    node.step = step;
  });
  return y;
}

Tensor Tensor::narrow(int axis_, std::int64_t start, std::int64_t length) const {
  const int axis = normalize_axis(axis_, *this, "narrow");
  if (start < 0 || length < 0 || length > shape()[axis] - start) {
    throw IndexError(
        "narrow", fmt::format("expected a range within [0, {}) of axis {}, got start {} and length {}; x={}",
                              shape()[axis], axis, start, length, describe(*this)));
  }
  return slice(axis, start, start + length);
}

Tensor Tensor::select(int axis_, std::int64_t index) const {
  const int axis = normalize_axis(axis_, *this, "select");
  const std::int64_t size = shape()[axis];
  if (index < -size || index >= size) {
    throw IndexError("select", fmt::format("expected an index from {} to {} of axis {}, got {}; x={}", -size,
                                           size - 1, axis, index, describe(*this)));
  }
  return narrow(axis, index < 0 ? index + size : index, 1).squeeze(axis);
}

Tensor Tensor::expand(Shape shape) const {
  const int added = shape.rank() - rank();
  if (added < 0)
    throw ShapeError("expand", fmt::format("expected at least {} sizes, got {}; x={}", rank(),
                                           to_string(shape), describe(*this)));
  Strides strides = Dims::filled(shape.rank(), 0);
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const int own = axis - added;
    if (own >= 0 && shape[axis] == -1) shape[axis] = this->shape()[own];
    if (shape[axis] < 0 || (own >= 0 && this->shape()[own] != shape[axis] && this->shape()[own] != 1)) {
      throw ShapeError("expand", fmt::format("expected sizes that x broadcasts to, got {}; x={}",
                                             to_string(shape), describe(*this)));
    }
    if (own >= 0 && this->shape()[own] == shape[axis]) strides[axis] = this->strides()[own];
  }
  Tensor y = alias(shape, strides);
  autograd::record<ExpandGrad>(y, {*this}, [&](ExpandGrad& node) { node.shape = this->shape(); });
  return y;
}

Tensor Tensor::squeeze() const {
  Shape target;
  Strides strides;
  for (int axis = 0; axis < rank(); ++axis) {
    if (shape()[axis] == 1) continue;
    target.push_back(shape()[axis]);
    strides.push_back(this->strides()[axis]);
  }
  return reshaped_alias(*this, target, strides);
}

Tensor Tensor::squeeze(int axis_) const {
  const int axis = normalize_axis(axis_, *this, "squeeze");
  if (shape()[axis] != 1)
    throw ShapeError("squeeze", fmt::format("expected size 1 at axis {}, got {}", axis, describe(*this)));
  Shape target = shape();
  Strides strides = this->strides();
  target.erase(axis);
  strides.erase(axis);
  return reshaped_alias(*this, target, strides);
}

Tensor Tensor::unsqueeze(int axis_) const {
  const int axis = normalize_axis(axis_, rank() + 1, "unsqueeze", [&] { return "x=" + describe(*this); });
  Shape target = shape();
  Strides strides = this->strides();
  target.insert(axis, 1);
  strides.insert(axis, axis < rank() ? shape()[axis] * this->strides()[axis] : 1);
  return reshaped_alias(*this, target, strides);
}

}  // namespace fornax
