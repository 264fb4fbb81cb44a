#include <cmath>

#include "fornax/autograd/node.h"
#include "fornax/ops/elementwise.h"
#include "ops/binary/binary_op.h"
#include "ops/common/autocast.h"
#include "ops/common/elementwise.h"
#include "ops/common/sum_to.h"

namespace fornax {
namespace {

using ops::Binary;
using ops::BinaryKind;

constexpr std::string_view name_of(BinaryKind kind) {
  constexpr std::string_view names[ops::binary_kind_count] = {"add",     "sub",     "mul", "div",
                                                              "maximum", "minimum", "pow", "add"};
  return names[static_cast<int>(kind)];
}

/// Gradients: `save` takes what backward will need, given operands and result.
template <BinaryKind Kind>
struct KindGrad : autograd::Node {
  std::string_view name() const override { return name_of(Kind); }
};

/// Of a + alpha * b.
template <BinaryKind Kind>
struct SumGrad final : KindGrad<Kind> {
  Shape a_shape, b_shape;
  Scalar alpha = Kind == BinaryKind::sub ? -1 : 1;
  void save(const Tensor& a, const Tensor& b, const Tensor&) {
    a_shape = a.shape();
    b_shape = b.shape();
  }
  Grads backward(const Tensor& dy) override {
    Grads grads{{}, {}};
    if (this->needs(0)) grads[0] = ops::sum_to(dy, a_shape);
    if (this->needs(1)) grads[1] = ops::sum_to(alpha.real() == 1 ? dy : mul(dy, alpha), b_shape);
    return grads;
  }
};

struct MulGrad final : KindGrad<BinaryKind::mul> {
  autograd::Saved a, b;
  Shape a_shape, b_shape;
  void save(const Tensor& a_, const Tensor& b_, const Tensor&) {
    if (b_.requires_grad()) a.save(a_);
    if (a_.requires_grad()) b.save(b_);
    a_shape = a_.shape();
    b_shape = b_.shape();
  }
  Grads backward(const Tensor& dy) override {
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = ops::sum_to(mul(dy, b.get(*this)), a_shape);
    if (needs(1)) grads[1] = ops::sum_to(mul(dy, a.get(*this)), b_shape);
    return grads;
  }
};

struct DivGrad final : KindGrad<BinaryKind::div> {
  autograd::Saved b, y;
  Shape a_shape, b_shape;
  void save(const Tensor& a_, const Tensor& b_, const Tensor& y_) {
    b.save(b_);
    if (b_.requires_grad()) y.save(y_);
    a_shape = a_.shape();
    b_shape = b_.shape();
  }
  Grads backward(const Tensor& dy) override {
    const Tensor da = div(dy, b.get(*this));
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = ops::sum_to(da, a_shape);
    if (needs(1)) grads[1] = ops::sum_to(neg(mul(da, y.get(*this))), b_shape);
    return grads;
  }
};

/// dy to the operand that was chosen, half of it to each where they are equal.
template <BinaryKind Kind>
struct ExtremeGrad final : KindGrad<Kind> {
  autograd::Saved a, b;
  void save(const Tensor& a_, const Tensor& b_, const Tensor&) {
    a.save(a_);
    b.save(b_);
  }
  Grads backward(const Tensor& dy) override {
    const Tensor left = a.get(*this), right = b.get(*this);
    const Tensor shared = where(eq(left, right), mul(dy, 0.5), dy);
    const Tensor left_lost = Kind == BinaryKind::maximum ? lt(left, right) : gt(left, right);
    const Tensor right_lost = Kind == BinaryKind::maximum ? gt(left, right) : lt(left, right);
    Grads grads{{}, {}};
    if (this->needs(0)) grads[0] = ops::sum_to(where(left_lost, 0, shared), left.shape());
    if (this->needs(1)) grads[1] = ops::sum_to(where(right_lost, 0, shared), right.shape());
    return grads;
  }
};

/// d(a^b) = b a^(b-1) da + a^b log(a) db, both 0 where the power does not depend on the operand.
struct PowGrad final : KindGrad<BinaryKind::pow> {
  autograd::Saved a, b, y;
  void save(const Tensor& a_, const Tensor& b_, const Tensor& y_) {
    a.save(a_);
    b.save(b_);
    if (b_.requires_grad()) y.save(y_);
  }
  Grads backward(const Tensor& dy) override {
    const Tensor base = a.get(*this), exponent = b.get(*this);
    Grads grads{{}, {}};
    if (needs(0)) {
      const Tensor slope = where(eq(exponent, 0), 0, mul(exponent, pow(base, sub(exponent, 1))));
      grads[0] = ops::sum_to(mul(dy, slope), base.shape());
    }
    if (needs(1)) {
      const Tensor flat = logical_and(eq(base, 0), ge(exponent, 0));
      const Tensor slope = where(flat, 0, mul(y.get(*this), log(base)));
      grads[1] = ops::sum_to(mul(dy, slope), exponent.shape());
    }
    return grads;
  }
};

// With a scalar: `save` takes the tensor, the scalar and the result.

/// Of x + s, x - s, s - x and x * s: dy times a factor.
template <BinaryKind Kind>
struct ScaleGrad final : KindGrad<Kind> {
  Scalar factor = 1;
  Grads backward(const Tensor& dy) override { return {factor.real() == 1 ? dy : mul(dy, factor)}; }
};

struct DivByScalarGrad final : KindGrad<BinaryKind::div> {
  Scalar divisor = 1;
  Grads backward(const Tensor& dy) override { return {div(dy, divisor)}; }
};

struct DivOfScalarGrad final : KindGrad<BinaryKind::div> {
  autograd::Saved x, y;
  Grads backward(const Tensor& dy) override { return {neg(div(mul(dy, y.get(*this)), x.get(*this)))}; }
};

template <BinaryKind Kind>
struct ExtremeScalarGrad final : KindGrad<Kind> {
  autograd::Saved x;
  Scalar scalar = 0;
  Grads backward(const Tensor& dy) override {
    const Tensor left = x.get(*this);
    const Tensor lost = Kind == BinaryKind::maximum ? lt(left, scalar) : gt(left, scalar);
    return {where(lost, 0, where(eq(left, scalar), mul(dy, 0.5), dy))};
  }
};

struct PowByScalarGrad final : KindGrad<BinaryKind::pow> {
  autograd::Saved x;
  double exponent = 1;
  Grads backward(const Tensor& dy) override {
    if (exponent == 0) return {mul(dy, 0)};
    return {mul(dy, mul(pow(x.get(*this), exponent - 1), exponent))};
  }
};

struct PowOfScalarGrad final : KindGrad<BinaryKind::pow> {
  autograd::Saved x, y;
  double base = 1;
  Grads backward(const Tensor& dy) override {
    const Tensor slope = mul(y.get(*this), std::log(base));
    return {mul(dy, base == 0 ? where(ge(x.get(*this), 0), 0, slope) : slope)};
  }
};

void check_kind(BinaryKind kind, const Tensor& x) {
  ops::check_defined(name_of(kind), x);
  const bool floating_only = kind == BinaryKind::div || kind == BinaryKind::pow;
  if (is_floating(x.dtype()) && !floating_only) return;
  if (floating_only)
    ops::check_dtype(name_of(kind), x, floating_dtypes, "a floating dtype");
  else
    ops::check_dtype(name_of(kind), x, number_dtypes, "numbers");
}

Tensor computed(BinaryKind kind, const Tensor& a, const Tensor& b) {
  ops::check_alike(name_of(kind), a, b);
  check_kind(kind, a);
  Tensor y = ops::empty_for(a.shape() == b.shape() ? a.shape() : ops::broadcast(name_of(kind), a, b),
                            a.dtype(), a, b);
  dispatch::run(ops::binary_row, Binary{y, a, b, kind});
  return y;
}

/// y = a <kind> b, recorded as a Grad.
template <BinaryKind Kind, class Grad>
Tensor binary(const Tensor& a, const Tensor& b) {
  if (amp::autocast_enabled()) [[unlikely]] {
    if (Tensor a2 = a, b2 = b; ops::autocast(name_of(Kind), {&a2, &b2})) return binary<Kind, Grad>(a2, b2);
  }
  Tensor y = computed(Kind, a, b);
  autograd::record<Grad>(y, {a, b}, [&](Grad& node) { node.save(a, b, y); });
  return y;
}

/// y = x <kind> scalar or, with `Left`, scalar <kind> x, recorded as a Grad that `fill(node, x, y)` fills in.
template <BinaryKind Kind, class Grad, bool Left = false, class Fill>
Tensor with_scalar(const Tensor& x, Scalar scalar, Fill&& fill) {
  if (amp::autocast_enabled()) [[unlikely]] {
    if (Tensor x2 = x; ops::autocast(name_of(Kind), {&x2}))
      return with_scalar<Kind, Grad, Left>(x2, scalar, fill);
  }
  check_kind(Kind, x);
  ops::check_scalar(name_of(Kind), x, scalar);
  Tensor y = ops::empty_for(x.shape(), x.dtype(), x, {});
  const TensorView none;
  dispatch::run(ops::binary_row, Left ? Binary{y, none, x, Kind, scalar} : Binary{y, x, none, Kind, scalar});
  autograd::record<Grad>(y, {x}, [&](Grad& node) { fill(node, x, y); });
  return y;
}

constexpr auto no_fill = [](auto&, const Tensor&, const Tensor&) {};

std::string in_place(BinaryKind kind) { return std::string(name_of(kind)) + "_"; }

/// a = a <kind> b, recorded as a Grad that `fill(node, a before, b)` fills in.
template <class Grad, class Fill>
Tensor& binary_in_place(BinaryKind kind, Tensor& a, const Tensor& other, Scalar alpha, Fill&& fill) {
  const std::string op = in_place(kind);
  autograd::check_in_place(a, {{other}}, op);
  ops::check_alike(op, a, other);
  check_kind(kind, a);
  ops::check_target(op, a, other);
  const Tensor b = ops::unaliased(other, a);
  // b's gradient is made of the old value of a.
  const bool keeps = kind == BinaryKind::mul && b.requires_grad() && grad_enabled();
  const Tensor before = keeps ? a.clone() : a;
  dispatch::run(ops::binary_row, Binary{a, a, b, kind, alpha});
  a.bump_version();
  autograd::record<Grad>(a, {a, b}, [&](Grad& node) { fill(node, before, b); });
  return a;
}

template <class Grad, class Fill>
Tensor& scalar_in_place(BinaryKind kind, Tensor& x, Scalar scalar, Fill&& fill) {
  const std::string op = in_place(kind);
  autograd::check_in_place(x, {}, op);
  check_kind(kind, x);
  ops::check_scalar(op, x, scalar);
  ops::check_target(op, x, {});
  dispatch::run(ops::binary_row, Binary{x, x, {}, kind, scalar});
  x.bump_version();
  autograd::record<Grad>(x, {x}, fill);
  return x;
}

}  // namespace

Tensor add(const Tensor& a, const Tensor& b) {
  return binary<BinaryKind::add, SumGrad<BinaryKind::add>>(a, b);
}
Tensor sub(const Tensor& a, const Tensor& b) {
  return binary<BinaryKind::sub, SumGrad<BinaryKind::sub>>(a, b);
}
Tensor mul(const Tensor& a, const Tensor& b) { return binary<BinaryKind::mul, MulGrad>(a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return binary<BinaryKind::div, DivGrad>(a, b); }
Tensor maximum(const Tensor& a, const Tensor& b) {
  return binary<BinaryKind::maximum, ExtremeGrad<BinaryKind::maximum>>(a, b);
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return binary<BinaryKind::minimum, ExtremeGrad<BinaryKind::minimum>>(a, b);
}
Tensor pow(const Tensor& a, const Tensor& b) { return binary<BinaryKind::pow, PowGrad>(a, b); }

Tensor add(const Tensor& a, Scalar b) {
  return with_scalar<BinaryKind::add, ScaleGrad<BinaryKind::add>>(a, b, no_fill);
}
Tensor sub(const Tensor& a, Scalar b) {
  return with_scalar<BinaryKind::sub, ScaleGrad<BinaryKind::sub>>(a, b, no_fill);
}
Tensor sub(Scalar a, const Tensor& b) {
  using Grad = ScaleGrad<BinaryKind::sub>;
  return with_scalar<BinaryKind::sub, Grad, true>(b, a, [](Grad& node, auto&...) { node.factor = -1; });
}
Tensor mul(const Tensor& a, Scalar b) {
  using Grad = ScaleGrad<BinaryKind::mul>;
  return with_scalar<BinaryKind::mul, Grad>(a, b, [b](Grad& node, auto&...) { node.factor = b; });
}
Tensor div(const Tensor& a, Scalar b) {
  using Grad = DivByScalarGrad;
  return with_scalar<BinaryKind::div, Grad>(a, b, [b](Grad& node, auto&...) { node.divisor = b; });
}
Tensor div(Scalar a, const Tensor& b) {
  using Grad = DivOfScalarGrad;
  return with_scalar<BinaryKind::div, Grad, true>(b, a, [](Grad& node, const Tensor& x, const Tensor& y) {
    node.x.save(x);
    node.y.save(y);
  });
}
Tensor maximum(const Tensor& a, Scalar b) {
  using Grad = ExtremeScalarGrad<BinaryKind::maximum>;
  return with_scalar<BinaryKind::maximum, Grad>(a, b, [b](Grad& node, const Tensor& x, auto&) {
    node.x.save(x);
    node.scalar = b;
  });
}
Tensor minimum(const Tensor& a, Scalar b) {
  using Grad = ExtremeScalarGrad<BinaryKind::minimum>;
  return with_scalar<BinaryKind::minimum, Grad>(a, b, [b](Grad& node, const Tensor& x, auto&) {
    node.x.save(x);
    node.scalar = b;
  });
}
Tensor pow(const Tensor& a, Scalar b) {
  using Grad = PowByScalarGrad;
  return with_scalar<BinaryKind::pow, Grad>(a, b, [b](Grad& node, const Tensor& x, auto&) {
    node.x.save(x);
    node.exponent = b.real();
  });
}
Tensor pow(Scalar a, const Tensor& b) {
  using Grad = PowOfScalarGrad;
  return with_scalar<BinaryKind::pow, Grad, true>(b, a, [a](Grad& node, const Tensor& x, const Tensor& y) {
    if (a.real() == 0) node.x.save(x);
    node.y.save(y);
    node.base = a.real();
  });
}

Tensor& Tensor::add_(const Tensor& other, Scalar alpha) {
  using Grad = SumGrad<BinaryKind::add>;
  ops::check_scalar("add_", *this, alpha);
  const BinaryKind kind = alpha.real() == 1 ? BinaryKind::add : BinaryKind::add_scaled;
  return binary_in_place<Grad>(kind, *this, other, alpha, [&](Grad& node, const Tensor& a, const Tensor& b) {
    node.save(a, b, *this);
    node.alpha = alpha;
  });
}
Tensor& Tensor::sub_(const Tensor& other) {
  using Grad = SumGrad<BinaryKind::sub>;
  return binary_in_place<Grad>(BinaryKind::sub, *this, other, 0,
                               [&](Grad& node, const Tensor& a, const Tensor& b) { node.save(a, b, *this); });
}
Tensor& Tensor::mul_(const Tensor& other) {
  return binary_in_place<MulGrad>(
      BinaryKind::mul, *this, other, 0,
      [&](MulGrad& node, const Tensor& a, const Tensor& b) { node.save(a, b, *this); });
}
Tensor& Tensor::div_(const Tensor& other) {
  return binary_in_place<DivGrad>(
      BinaryKind::div, *this, other, 0,
      [&](DivGrad& node, const Tensor& a, const Tensor& b) { node.save(a, b, *this); });
}
Tensor& Tensor::add_(Scalar value) {
  using Grad = ScaleGrad<BinaryKind::add>;
  return scalar_in_place<Grad>(BinaryKind::add, *this, value, [](Grad&) {});
}
Tensor& Tensor::sub_(Scalar value) {
  using Grad = ScaleGrad<BinaryKind::sub>;
  return scalar_in_place<Grad>(BinaryKind::sub, *this, value, [](Grad&) {});
}
Tensor& Tensor::mul_(Scalar value) {
  using Grad = ScaleGrad<BinaryKind::mul>;
  return scalar_in_place<Grad>(BinaryKind::mul, *this, value, [value](Grad& node) { node.factor = value; });
}
Tensor& Tensor::div_(Scalar value) {
  using Grad = DivByScalarGrad;
  return scalar_in_place<Grad>(BinaryKind::div, *this, value, [value](Grad& node) { node.divisor = value; });
}

}  // namespace fornax
