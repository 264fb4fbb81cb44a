#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "ops/common/elementwise.h"
#include "ops/reduce/arg_reduce_op.h"
#include "ops/reduce/reduced_shape.h"

namespace fornax {
namespace {

using ops::ReducedShape;
using ops::ReduceKind;

struct ExtremeGrad final : autograd::Node {
  autograd::Saved x, y;
  Dims axes;
  Shape kept;
  bool largest = true;
  std::string_view name() const override { return largest ? "amax" : "amin"; }
  Grads backward(const Tensor& dy) override {
    const Tensor takes = eq(x.get(*this), y.get(*this).reshape(kept)).to(dy.dtype());
    return {takes * (dy.reshape(kept) / sum(takes, axes, true))};
  }
};

struct ExtremeAlongGrad final : autograd::Node {
  autograd::Saved indices;
  Shape shape, kept;
  int axis = 0;
  bool largest = true;
  std::string_view name() const override { return largest ? "max" : "min"; }
  Grads backward(const Tensor& dy) override {
    Tensor dx = zeros(shape, {.dtype = dy.dtype(), .device = dy.device()});
    const Tensor at = indices.get(*this).reshape(kept), source = dy.reshape(kept);
    dispatch::run(ops::scatter_row, ops::Scatter{dx, source, at, axis});
    return {dx};
  }
};

void check_extreme(const Tensor& x, std::int64_t count, std::string_view op) {
  ops::check_dtype(op, x, number_dtypes, "floating or integer dtypes");
  if (count == 0)
    throw ShapeError(op, "expected at least one element to choose from, got none; x=" + describe(x));
}

Tensor extreme(const Tensor& x, const Dims& axes, bool keepdim, bool largest) {
  const std::string_view op = largest ? "amax" : "amin";
  const ReducedShape shape(x, axes, keepdim, op);
  check_extreme(x, shape.count, op);
  Tensor y = ops::reduce(x, shape, largest ? ReduceKind::max : ReduceKind::min, x.dtype());
  autograd::record<ExtremeGrad>(y, {x}, [&](ExtremeGrad& node) {
    node.x.save(x);
    node.y.save(y);
    node.axes = axes;
    node.kept = shape.kept;
    node.largest = largest;
  });
  return y;
}

Extremes extremes_along(const Tensor& x, int axis_, bool keepdim, bool largest) {
  const std::string_view op = largest ? "max" : "min";
  const int axis = normalize_axis(axis_, x, op);
  const ReducedShape shape(x, {axis}, keepdim, op);
  check_extreme(x, shape.count, op);
  Extremes y{empty(shape.result, {.dtype = x.dtype(), .device = x.device()}),
             empty(shape.result, {.dtype = i64, .device = x.device()})};
  dispatch::run(ops::arg_reduce_row,
                ops::ArgReduce{x, shape.with_rank(y.indices), shape.with_rank(y.values), axis, largest});
  autograd::record<ExtremeAlongGrad>(y.values, {x}, [&](ExtremeAlongGrad& node) {
    node.indices.save(y.indices);
    node.shape = x.shape();
    node.kept = shape.kept;
    node.axis = axis;
    node.largest = largest;
  });
  return y;
}

Tensor arg_extreme(const Tensor& x, std::optional<int> axis, bool keepdim, bool largest) {
  const std::string_view op = largest ? "argmax" : "argmin";
  if (!axis) {
    const Tensor y = arg_extreme(x.detach().reshape({x.numel()}), 0, false, largest);
    return keepdim ? y.reshape(Dims::filled(x.rank(), 1)) : y;
  }
  const int at = normalize_axis(*axis, x, op);
  const ReducedShape shape(x, {at}, keepdim, op);
  check_extreme(x, shape.count, op);
  Tensor y = empty(shape.result, {.dtype = i64, .device = x.device()});
  dispatch::run(ops::arg_reduce_row, ops::ArgReduce{x, shape.with_rank(y), {}, at, largest});
  return y;
}

Tensor of_bool(const Tensor& x, const Dims& axes, bool keepdim, ReduceKind kind, std::string_view op) {
  ops::check_dtype(op, x, {boolean}, "bool");
  return ops::reduce(x, ReducedShape(x, axes, keepdim, op), kind, boolean);
}

}  // namespace

Tensor amax(const Tensor& x, const Dims& axes, bool keepdim) { return extreme(x, axes, keepdim, true); }
Tensor amin(const Tensor& x, const Dims& axes, bool keepdim) { return extreme(x, axes, keepdim, false); }
Extremes max(const Tensor& x, int axis, bool keepdim) { return extremes_along(x, axis, keepdim, true); }
Extremes min(const Tensor& x, int axis, bool keepdim) { return extremes_along(x, axis, keepdim, false); }
Tensor argmax(const Tensor& x, std::optional<int> axis, bool keepdim) {
  return arg_extreme(x, axis, keepdim, true);
}
Tensor argmin(const Tensor& x, std::optional<int> axis, bool keepdim) {
  return arg_extreme(x, axis, keepdim, false);
}
Tensor any(const Tensor& x, const Dims& axes, bool keepdim) {
  return of_bool(x, axes, keepdim, ReduceKind::max, "any");
}
Tensor all(const Tensor& x, const Dims& axes, bool keepdim) {
  return of_bool(x, axes, keepdim, ReduceKind::min, "all");
}

}  // namespace fornax
