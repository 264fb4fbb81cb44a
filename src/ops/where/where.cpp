#include "ops/where/where_op.h"

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "ops/common/autocast.h"
#include "ops/common/elementwise.h"
#include "ops/common/sum_to.h"

namespace fornax {
namespace {

struct WhereGrad final : autograd::Node {
  autograd::Saved condition;
  Shape a_shape, b_shape;
  std::string_view name() const override { return "where"; }
  Grads backward(const Tensor& dy) override {
    const Tensor chosen = condition.get(*this);
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = ops::sum_to(where(chosen, dy, 0), a_shape);
    if (needs(1)) grads[1] = ops::sum_to(where(chosen, 0, dy), b_shape);
    return grads;
  }
};

void check_condition(const Tensor& condition, const Tensor& x) {
  ops::check_defined("where", condition, "condition");
  if (condition.dtype() != boolean)
    throw DTypeError("where", "expected a condition of bool, got " + describe(condition));
  if (condition.device() != x.device()) {
    throw DeviceError("where", "expected operands on one device, got condition=" + describe(condition) +
                                   " and x=" + describe(x));
  }
}

/// One of a and b may be undefined: then `scalar` stands in its place.
Tensor chosen(const Tensor& condition, const Tensor& a, const Tensor& b, Scalar scalar) {
  const Tensor& x = a.defined() ? a : b;
  const Tensor& other = a.defined() && b.defined() ? b : x;
  check_condition(condition, x);
  const auto operands = [&] { return ops::describe({{"condition", condition}, {"a", a}, {"b", b}}); };
  const Shape shape = broadcast_shapes(
      condition.shape(), broadcast_shapes(x.shape(), other.shape(), "where", operands), "where", operands);
  const Tensor& format = x.shape() == shape ? x : other;
  Tensor y = ops::empty_for(shape, x.dtype(), format, condition);
  dispatch::run(ops::where_row, ops::Where{y, condition, a, b, scalar});
  autograd::record<WhereGrad>(y, {a, b}, [&](WhereGrad& node) {
    node.condition.save(condition);
    if (a.defined()) node.a_shape = a.shape();
    if (b.defined()) node.b_shape = b.shape();
  });
  return y;
}

}  // namespace

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (Tensor a2 = a, b2 = b; ops::autocast("where", {&a2, &b2})) return where(condition, a2, b2);
  ops::check_alike("where", a, b);
  return chosen(condition, a, b, 0);
}

Tensor where(const Tensor& condition, const Tensor& a, Scalar b) {
  ops::check_scalar("where", a, b);
  return chosen(condition, a, {}, b);
}

Tensor where(const Tensor& condition, Scalar a, Scalar b, DType dtype) {
  ops::check_defined("where", condition, "condition");
  Tensor first = empty({}, {.dtype = dtype, .device = condition.device()});
  ops::check_scalar("where", first, a);
  return where(condition, first.fill_(a), b);
}

Tensor where(const Tensor& condition, Scalar a, const Tensor& b) {
  ops::check_scalar("where", b, a);
  return chosen(condition, {}, b, a);
}

}  // namespace fornax
