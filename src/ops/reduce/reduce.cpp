// The smooth reductions; extremes.cpp has the others.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/reduce.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/reduce/reduced_shape.h"

namespace fornax {
namespace {

using ops::ReducedShape;
using ops::ReduceKind;

/// What statistics of `x` are kept in, so that 16-bit tensors lose nothing.
DType statistics_dtype(const Tensor& x) { return x.dtype() == f64 ? f64 : f32; }

struct SumGrad final : autograd::Node {
  Shape kept, shape;
  std::string_view name() const override { return "sum"; }
  Grads backward(const Tensor& dy) override { return {dy.reshape(kept).expand(shape)}; }
};

struct MeanGrad final : autograd::Node {
  Shape kept, shape;
  double scale = 1;
  std::string_view name() const override { return "mean"; }
  Grads backward(const Tensor& dy) override { return {(dy * scale).reshape(kept).expand(shape)}; }
};

struct VarGrad final : autograd::Node {
  autograd::Saved x, mean;
  double scale = 1;
  std::string_view name() const override { return "var"; }
  Grads backward(const Tensor& dy) override {
    const Tensor center = mean.get(*this);
    const Tensor factor = dy.reshape(center.shape()).to(center.dtype()) * (2 * scale);
    return {((x.get(*this).to(center.dtype()) - center) * factor).to(dy.dtype())};
  }
};

struct LogSumExpGrad final : autograd::Node {
  autograd::Saved x, y;
  Shape kept;
  std::string_view name() const override { return "logsumexp"; }
  Grads backward(const Tensor& dy) override {
    return {exp(x.get(*this) - y.get(*this).reshape(kept)) * dy.reshape(kept)};
  }
};

struct NormGrad final : autograd::Node {
  autograd::Saved x, y;
  Shape kept;
  double p = 2;
  std::string_view name() const override { return "norm"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get(*this), size = y.get(*this).reshape(kept), slope = dy.reshape(kept);
    if (p == 1) return {sign(in) * slope};
    const Tensor is_zero = eq(size, 0);
    if (p == 2) return {in * where(is_zero, 0, slope / size)};
    return {sign(in) * pow(abs(in), p - 1) * where(is_zero, 0, slope / pow(size, p - 1))};
  }
};

struct InfinityNormGrad final : autograd::Node {
  autograd::Saved x, y;
  Dims axes;
  Shape kept;
  std::string_view name() const override { return "norm"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get(*this);
    const Tensor takes = eq(abs(in), y.get(*this).reshape(kept)).to(in.dtype());
    return {sign(in) * takes * (dy.reshape(kept) / sum(takes, axes, true))};
  }
};

Tensor norm_value(const Tensor& x, double p, const ReducedShape& shape, const Dims& axes, bool keepdim) {
  if (p == 1) return ops::reduce(x, shape, ReduceKind::norm1, x.dtype());
  if (p == 2) return ops::reduce(x, shape, ReduceKind::norm2, x.dtype());
  if (std::isinf(p)) return ops::reduce(x, shape, ReduceKind::norm_inf, x.dtype());
  const NoGrad no_grad;
  const AnomalyGuard off(false);  // of norm itself, not of the ops that it is made of
  const Tensor wide = x.to(statistics_dtype(x));
  return pow(sum(pow(abs(wide), p), axes, keepdim), 1 / p).to(x.dtype());
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& axes, bool keepdim) {
  if (Tensor x2 = x; ops::autocast("sum", {&x2})) return sum(x2, axes, keepdim);
  const ReducedShape shape(x, axes, keepdim, "sum");
  Tensor y = ops::reduce(x, shape, ReduceKind::sum, is_floating(x.dtype()) ? x.dtype() : i64);
  autograd::record<SumGrad>(y, {x}, [&](SumGrad& node) {
    node.kept = shape.kept;
    node.shape = x.shape();
  });
  return y;
}

Tensor mean(const Tensor& x, const Dims& axes, bool keepdim) {
  if (Tensor x2 = x; ops::autocast("mean", {&x2})) return mean(x2, axes, keepdim);
  ops::check_floating("mean", {{"x", x}});
  const ReducedShape shape(x, axes, keepdim, "mean");
  const double scale = 1 / static_cast<double>(shape.count);
  Tensor y = ops::reduce(x, shape, ReduceKind::sum, x.dtype(), scale);
  autograd::record<MeanGrad>(y, {x}, [&](MeanGrad& node) {
    node.kept = shape.kept;
    node.shape = x.shape();
    node.scale = scale;
  });
  return y;
}

Tensor var(const Tensor& x, const Dims& axes, bool keepdim, int correction) {
  if (Tensor x2 = x; ops::autocast("var", {&x2})) return var(x2, axes, keepdim, correction);
  ops::check_floating("var", {{"x", x}});
  const ReducedShape shape(x, axes, keepdim, "var"), with_all_axes(x, axes, true, "var");
  const auto count = static_cast<double>(shape.count);
  const double scale = 1 / std::max(0.0, count - correction);
  const Tensor center = ops::reduce(x, with_all_axes, ReduceKind::sum, statistics_dtype(x), 1 / count);
  Tensor y = ops::reduce(x, shape, ReduceKind::sum_squares, x.dtype(), scale, center);
  autograd::record<VarGrad>(y, {x}, [&](VarGrad& node) {
    node.x.save(x);
    node.mean.save(center);
    node.scale = scale;
  });
  return y;
}

Tensor norm(const Tensor& x, double p, const Dims& axes, bool keepdim) {
  if (Tensor x2 = x; ops::autocast("norm", {&x2})) return norm(x2, p, axes, keepdim);
  ops::check_floating("norm", {{"x", x}});
  if (!(p > 0)) throw ValueError("norm", fmt::format("expected p > 0, got {}; x={}", p, describe(x)));
  const ReducedShape shape(x, axes, keepdim, "norm");
  Tensor y = norm_value(x, p, shape, axes, keepdim);
  const auto fill = [&](auto& node) {
    node.x.save(x);
    node.y.save(y);
    node.kept = shape.kept;
    if constexpr (requires { node.p; })
      node.p = p;
    else
      node.axes = axes;
  };
  if (std::isinf(p))
    autograd::record<InfinityNormGrad>(y, {x}, fill);
  else
    autograd::record<NormGrad>(y, {x}, fill);
  return y;
}

Tensor logsumexp(const Tensor& x, const Dims& axes, bool keepdim) {
  if (Tensor x2 = x; ops::autocast("logsumexp", {&x2})) return logsumexp(x2, axes, keepdim);
  ops::check_floating("logsumexp", {{"x", x}});
  const ReducedShape shape(x, axes, keepdim, "logsumexp"), with_all_axes(x, axes, true, "logsumexp");
  const Tensor center = ops::reduce(x, with_all_axes, ReduceKind::max, statistics_dtype(x));
  Tensor y = ops::reduce(x, shape, ReduceKind::logsumexp, x.dtype(), 1, center);
  autograd::record<LogSumExpGrad>(y, {x}, [&](LogSumExpGrad& node) {
    node.x.save(x);
    node.y.save(y);
    node.kept = shape.kept;
  });
  return y;
}

}  // namespace fornax
