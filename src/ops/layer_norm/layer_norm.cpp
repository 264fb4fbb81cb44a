#include "fornax/ops/layer_norm.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/layer_norm/layer_norm_op.h"

namespace fornax {
namespace {

struct LayerNormGradNode final : autograd::Node {
  autograd::Saved rows, mean, rstd, weight;
  Shape normalized;
  DType weight_dtype = f32, bias_dtype = f32;
  std::string_view name() const override { return "layer_norm"; }
  Grads backward(const Tensor& dy) override {
    const Tensor x = rows.get(*this), slopes = dy.reshape(x.shape()), factors = weight.get(*this);
    const auto wanted = [&](std::size_t i, const Shape& shape, DType dtype) {
      return needs(i) ? empty(shape, {.dtype = dtype, .device = x.device()}) : Tensor();
    };
    const Tensor dx = wanted(0, x.shape(), x.dtype()), dweight = wanted(1, {x.size(1)}, weight_dtype),
                 dbias = wanted(2, {x.size(1)}, bias_dtype);
    dispatch::run(ops::layer_norm_grad_row, ops::LayerNormGrad{slopes, x, mean.get(*this), rstd.get(*this),
                                                               factors, dx, dweight, dbias});
    const auto shaped = [](const Tensor& gradient, const Shape& shape) {
      return gradient.defined() ? gradient.reshape(shape) : gradient;
    };
    return {shaped(dx, dy.shape()), shaped(dweight, normalized), shaped(dbias, normalized)};
  }
};

void check(const Tensor& x, const Shape& normalized, const Tensor& weight, const Tensor& bias) {
  const auto operands = [&] { return ops::describe({{"x", x}, {"weight", weight}, {"bias", bias}}); };
  ops::check_floating("layer_norm", {{"x", x}});
  bool fits = !normalized.empty() && normalized.rank() <= x.rank();
  for (int i = 1; fits && i <= normalized.rank(); ++i) fits = normalized[normalized.rank() - i] == x.size(-i);
  if (!fits) {
    throw ShapeError("layer_norm",
                     fmt::format("expected x[...] that ends in the normalized shape {}, got {}; {}",
                                 to_string(normalized), to_string(x.shape()), operands()));
  }
  for (const Tensor& factor : {weight, bias}) {
    if (!factor.defined()) continue;
    if (factor.shape() != normalized) {
      throw ShapeError("layer_norm",
                       fmt::format("expected weight and bias of the normalized shape {}, got {}; {}",
                                   to_string(normalized), to_string(factor.shape()), operands()));
    }
    if (factor.dtype() != x.dtype() && !(factor.dtype() == f32 && is_16bit(x.dtype())))
      throw DTypeError("layer_norm",
                       "expected weight and bias of x's dtype, or f32 beside 16 bits, got " + operands());
    if (factor.device() != x.device())
      throw DeviceError("layer_norm", "expected operands on one device, got " + operands());
  }
}

Tensor flat(const Tensor& x) { return x.defined() ? x.detach().reshape({x.numel()}) : x; }

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  if (Tensor x2 = x, w2 = weight, b2 = bias; ops::autocast("layer_norm", {&x2, &w2, &b2}))
    return layer_norm(x2, normalized_shape, w2, b2, eps);
  check(x, normalized_shape, weight, bias);
  const std::int64_t length = normalized_shape.product(), count = length == 0 ? 0 : x.numel() / length;
  const Tensor rows = x.detach().reshape({count, length}), factors = flat(weight);
  const TensorOptions statistics{.dtype = x.dtype() == f64 ? f64 : f32, .device = x.device()};
  const Tensor mean = empty({count}, statistics), rstd = empty({count}, statistics);
  Tensor y = empty(x.shape(), {.dtype = x.dtype(), .device = x.device()});
  TensorView y_rows = y;
  y_rows.shape = rows.shape();
  y_rows.strides = strides_of(rows.shape());
  dispatch::run(ops::layer_norm_row, ops::LayerNorm{y_rows, mean, rstd, rows, factors, flat(bias), eps});
  autograd::record<LayerNormGradNode>(y, {x, weight, bias}, [&](LayerNormGradNode& node) {
    node.rows.save(rows);
    node.mean.save(mean);
    node.rstd.save(rstd);
    node.weight.save(factors);
    node.normalized = normalized_shape;
    if (weight.defined()) node.weight_dtype = weight.dtype();
    if (bias.defined()) node.bias_dtype = bias.dtype();
  });
  return y;
}

}  // namespace fornax
