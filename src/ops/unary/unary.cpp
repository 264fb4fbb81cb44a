#include "ops/unary/unary_op.h"

#include <limits>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "ops/common/autocast.h"
#include "ops/common/elementwise.h"

namespace fornax {
namespace {

using ops::UnaryKind;

constexpr std::string_view name_of(UnaryKind kind) {
  constexpr std::string_view names[ops::unary_kind_count] = {
      "neg", "abs",  "sign", "square",  "clamp", "floor", "reciprocal", "exp",
      "log", "sqrt", "tanh", "sigmoid", "relu",  "silu",  "gelu",       "gelu"};
  return names[static_cast<int>(kind)];
}

template <UnaryKind Kind>
struct UnaryNode final : autograd::Node {
  autograd::Saved saved;
  Scalar low = 0, high = 0;
  std::string_view name() const override { return name_of(Kind); }
  Grads backward(const Tensor& dy) override {
    if constexpr (Kind == UnaryKind::neg) return {neg(dy)};
    if constexpr (Kind == UnaryKind::sign || Kind == UnaryKind::floor) return {zeros_like(dy)};
    const Tensor kept = saved.get(*this);
    Tensor dx = ops::empty_for(dy.shape(), dy.dtype(), kept, dy);
    dispatch::run(ops::unary_grad_row, ops::UnaryGrad{dx, dy, kept, Kind, low, high});
    return {dx};
  }
};

void check_kind(std::string_view op, UnaryKind kind, const Tensor& x) {
  if (ops::takes_integers(kind))
    ops::check_dtype(op, x, number_dtypes, "numbers");
  else
    ops::check_dtype(op, x, floating_dtypes, "a floating dtype");
}

template <UnaryKind Kind>
Tensor unary(const Tensor& x, Scalar low = 0, Scalar high = 0) {
  if (Tensor x2 = x; ops::autocast(name_of(Kind), {&x2})) return unary<Kind>(x2, low, high);
  check_kind(name_of(Kind), Kind, x);
  Tensor y = ops::empty_for(x.shape(), x.dtype(), x, {});
  dispatch::run(ops::unary_row, ops::Unary{y, x, Kind, low, high});
  using Grad = UnaryNode<Kind>;
  autograd::record<Grad>(y, {x}, [&](Grad& node) {
    constexpr bool constant = Kind == UnaryKind::neg || Kind == UnaryKind::sign || Kind == UnaryKind::floor;
    if constexpr (!constant) node.saved.save(ops::derives_from_output(Kind) ? y : x);
    node.low = low;
    node.high = high;
  });
  return y;
}

/// x = kind(x)
template <UnaryKind Kind>
Tensor& unary_in_place(std::string_view op, Tensor& x, Scalar low = 0, Scalar high = 0) {
  autograd::check_in_place(x, {}, op);
  check_kind(op, Kind, x);
  ops::check_target(op, x, {});
  const bool keeps = !ops::derives_from_output(Kind) && autograd::needs_grad({{x}});
  const Tensor before = keeps ? x.clone() : x;
  dispatch::run(ops::unary_row, ops::Unary{x, x, Kind, low, high});
  x.bump_version();
  using Grad = UnaryNode<Kind>;
  autograd::record<Grad>(x, {x}, [&](Grad& node) {
    node.saved.save(before);
    node.low = low;
    node.high = high;
  });
  return x;
}

/// The smallest and the largest number of a dtype: bounds that bound nothing.
std::pair<Scalar, Scalar> range_of(DType dtype) {
  return visit_dtype(dtype, []<class T>(std::type_identity<T>) -> std::pair<Scalar, Scalar> {
    if constexpr (std::is_integral_v<T>)
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  });
}

std::pair<Scalar, Scalar> bounds_of(std::string_view op, const Tensor& x, std::optional<Scalar> low,
                                    std::optional<Scalar> high) {
  ops::check_defined(op, x);
  if (!low && !high) throw ValueError(op, "expected a bound, got none; x=" + describe(x));
  for (const std::optional<Scalar>& bound : {low, high})
    if (bound) ops::check_scalar(op, x, *bound);
  const auto [lowest, highest] = range_of(x.dtype());
  return {low.value_or(lowest), high.value_or(highest)};
}

}  // namespace

Tensor neg(const Tensor& x) { return unary<UnaryKind::neg>(x); }
Tensor abs(const Tensor& x) { return unary<UnaryKind::abs>(x); }
Tensor sign(const Tensor& x) { return unary<UnaryKind::sign>(x); }
Tensor square(const Tensor& x) { return unary<UnaryKind::square>(x); }
Tensor floor(const Tensor& x) { return unary<UnaryKind::floor>(x); }
Tensor reciprocal(const Tensor& x) { return unary<UnaryKind::reciprocal>(x); }
Tensor exp(const Tensor& x) { return unary<UnaryKind::exp>(x); }
Tensor log(const Tensor& x) { return unary<UnaryKind::log>(x); }
Tensor sqrt(const Tensor& x) { return unary<UnaryKind::sqrt>(x); }
Tensor tanh(const Tensor& x) { return unary<UnaryKind::tanh>(x); }
Tensor sigmoid(const Tensor& x) { return unary<UnaryKind::sigmoid>(x); }
Tensor relu(const Tensor& x) { return unary<UnaryKind::relu>(x); }
Tensor silu(const Tensor& x) { return unary<UnaryKind::silu>(x); }
Tensor gelu(const Tensor& x, Gelu form) {
  return form == Gelu::exact ? unary<UnaryKind::gelu>(x) : unary<UnaryKind::gelu_tanh>(x);
}

Tensor clamp(const Tensor& x, std::optional<Scalar> low, std::optional<Scalar> high) {
  const auto [lowest, highest] = bounds_of("clamp", x, low, high);
  return unary<UnaryKind::clamp>(x, lowest, highest);
}

Tensor& Tensor::relu_() { return unary_in_place<UnaryKind::relu>("relu_", *this); }
Tensor& Tensor::clamp_(std::optional<Scalar> low, std::optional<Scalar> high) {
  const auto [lowest, highest] = bounds_of("clamp_", *this, low, high);
  return unary_in_place<UnaryKind::clamp>("clamp_", *this, lowest, highest);
}

}  // namespace fornax
