// All of these are copies into parts of a new tensor, so they need no kernel of their own.
#include "fornax/ops/rearrange.h"

#include <fmt/core.h>

#include <algorithm>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/autocast.h"
#include "ops/common/elementwise.h"
#include "ops/copy/copy_op.h"
#include "ops/fill/fill_op.h"

namespace fornax {
namespace {

struct ConcatGrad final : autograd::Node {
  int axis = 0;
  std::vector<std::int64_t> sizes;
  std::string_view name() const override { return "concat"; }
  Grads backward(const Tensor& dy) override {
    Grads grads;
    std::int64_t start = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      grads.push_back(needs(i) ? dy.narrow(axis, start, sizes[i]) : Tensor());
      start += sizes[i];
    }
    return grads;
  }
};

struct PadGrad final : autograd::Node {
  std::vector<Padding> paddings;
  std::string_view name() const override { return "pad"; }
  Grads backward(const Tensor& dy) override {
    std::vector<Padding> opposite = paddings;
    for (Padding& padding : opposite) padding = {padding.axis, -padding.before, -padding.after};
    return {pad(dy, opposite)};
  }
};

struct FlipGrad final : autograd::Node {
  Dims axes;
  std::string_view name() const override { return "flip"; }
  Grads backward(const Tensor& dy) override { return {flip(dy, axes)}; }
};

void copy_into(const Tensor& part, const TensorView& source) {
  dispatch::run(ops::copy_row, ops::Copy{part, source});
}

}  // namespace

Tensor concat(std::span<const Tensor> tensors, int axis_) {
  if (tensors.empty()) throw ShapeError("concat", "expected one tensor at least, got none");
  if (amp::autocast_enabled()) {
    std::vector<Tensor> promoted(tensors.begin(), tensors.end());
    std::vector<Tensor*> pointers;
    pointers.reserve(promoted.size());
    for (Tensor& tensor : promoted) pointers.push_back(&tensor);
    if (ops::autocast("concat", pointers)) return concat(promoted, axis_);
  }
  const Tensor& first = tensors.front();
  const int axis = normalize_axis(axis_, first, "concat");
  Shape shape = first.shape();
  shape[axis] = 0;
  for (const Tensor& tensor : tensors) {
    ops::check_alike("concat", first, tensor);
    Shape same = tensor.shape();
    if (same.rank() == shape.rank()) same[axis] = shape[axis];
    if (same != shape) {
      throw ShapeError("concat", fmt::format("expected shapes that differ at axis {} only, got {} and {}",
                                             axis, describe(first), describe(tensor)));
    }
    shape[axis] += tensor.size(axis);
  }
  Tensor y =
      empty(shape, {.dtype = first.dtype(), .device = first.device(), .format = first.suggested_format()});
  std::vector<autograd::Input> inputs;
  std::int64_t start = 0;
  for (const Tensor& tensor : tensors) {
    copy_into(y.narrow(axis, start, tensor.size(axis)), tensor);
    start += tensor.size(axis);
    inputs.emplace_back(tensor);
  }
  autograd::record<ConcatGrad>(y, inputs, [&](ConcatGrad& node) {
    node.axis = axis;
    for (const Tensor& tensor : tensors) node.sizes.push_back(tensor.size(axis));
  });
  return y;
}

Tensor stack(std::span<const Tensor> tensors, int axis) {
  if (tensors.empty()) throw ShapeError("stack", "expected one tensor at least, got none");
  std::vector<Tensor> rows;
  for (const Tensor& tensor : tensors) {
    if (tensor.shape() != tensors.front().shape()) {
      throw ShapeError("stack", fmt::format("expected tensors of one shape, got {} and {}",
                                            describe(tensors.front()), describe(tensor)));
    }
    rows.push_back(tensor.unsqueeze(axis));
  }
  return concat(rows, axis);
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, int axis_) {
  if (size <= 0)
    throw ValueError("split", fmt::format("expected a size above 0, got {}; x={}", size, describe(x)));
  const int axis = normalize_axis(axis_, x, "split");
  const std::int64_t total = x.size(axis);
  std::vector<Tensor> parts;
  for (std::int64_t start = 0; start < std::max<std::int64_t>(total, 1); start += size)
    parts.push_back(x.narrow(axis, start, std::min(size, total - start)));
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis_) {
  const int axis = normalize_axis(axis_, x, "split");
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) total += size;
  if (total != x.size(axis)) {
    throw ShapeError("split", fmt::format("expected sizes that sum to {}, got a sum of {}; x={}",
                                          x.size(axis), total, describe(x)));
  }
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(x.narrow(axis, start, size));
    start += size;
  }
  return parts;
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int axis) {
  if (count <= 0)
    throw ValueError("chunk", fmt::format("expected a count above 0, got {}; x={}", count, describe(x)));
  const std::int64_t size = (x.size(axis) + count - 1) / count;
  return split(x, std::max<std::int64_t>(size, 1), axis);
}

Tensor pad(const Tensor& x, std::span<const Padding> paddings, Scalar value) {
  ops::check_scalar("pad", x, value);
  Shape shape = x.shape();
  Dims padded;
  Tensor source = x.detach();
  for (const Padding& padding : paddings) {
    const int axis = normalize_axis(padding.axis, x, "pad");
    if (padded.contains(axis))
      throw ShapeError("pad", fmt::format("expected each axis once, got {} twice; x={}", axis, describe(x)));
    padded.push_back(axis);
    const std::int64_t cut_before = std::max<std::int64_t>(-padding.before, 0),
                       cut_after = std::max<std::int64_t>(-padding.after, 0);
    if (cut_before + cut_after > x.size(axis)) {
      throw ShapeError("pad", fmt::format("expected at most {} to be cut off at axis {}, got {} and {}; x={}",
                                          x.size(axis), axis, cut_before, cut_after, describe(x)));
    }
    shape[axis] += padding.before + padding.after;
    source = source.narrow(axis, cut_before, x.size(axis) - cut_before - cut_after);
  }
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device(), .format = x.suggested_format()});
  dispatch::run(ops::fill_row, ops::Fill{y, value});
  Tensor inside = y;
  for (const Padding& padding : paddings)
    inside =
        inside.narrow(padding.axis, std::max<std::int64_t>(padding.before, 0), source.size(padding.axis));
  copy_into(inside, source);
  autograd::record<PadGrad>(y, {x},
                            [&](PadGrad& node) { node.paddings.assign(paddings.begin(), paddings.end()); });
  return y;
}

Tensor flip(const Tensor& x, const Dims& axes) {
  Tensor y = empty_like(x);
  TensorView source = x;
  Dims turned;
  for (const std::int64_t given : axes) {
    const int axis = normalize_axis(given, x, "flip");
    if (turned.contains(axis))
      throw ShapeError("flip",
                       fmt::format("expected each axis once, got {}; x={}", to_string(axes), describe(x)));
    turned.push_back(axis);
    const std::int64_t last = std::max<std::int64_t>(source.shape[axis] - 1, 0) * source.strides[axis];
    source.data = source.ptr<std::byte>() + last * static_cast<std::int64_t>(size_of(x.dtype()));
    source.strides[axis] = -source.strides[axis];
  }
  copy_into(y, source);
  autograd::record<FlipGrad>(y, {x}, [&](FlipGrad& node) { node.axes = axes; });
  return y;
}

}  // namespace fornax
