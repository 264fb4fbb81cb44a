#include "fornax/ops/linear.h"

#include <fmt/core.h>

#include <utility>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/matmul.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/common/sum_to.h"
#include "ops/matmul/matmul_op.h"
#include "ops/unary/unary_op.h"

// A product of the matmul row, whose epilogue adds the bias and applies the activation.
namespace fornax {
namespace {

struct LinearGrad final : autograd::Node {
  autograd::Saved x, weight, y;
  Activation activation = Activation::none;
  std::string_view name() const override { return "linear"; }
  Grads backward(const Tensor& gradient) override {
    Grads grads{{}, {}, {}};
    Tensor dy = gradient;
    if (activation == Activation::relu) {
      dy = empty_like(gradient);
      dispatch::run(ops::unary_grad_row, ops::UnaryGrad{dy, gradient, y.get(*this), ops::UnaryKind::relu});
    }
    if (needs(0)) grads[0] = matmul(dy, weight.get(*this));
    if (needs(1)) grads[1] = matmul(dy.flatten(0, -2).mT(), x.get(*this).flatten(0, -2));
    if (needs(2)) grads[2] = ops::sum_to(dy, {dy.size(-1)});
    return grads;
  }
};

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, const LinearOptions& options) {
  if (Tensor x2 = x, w2 = weight, b2 = bias; ops::autocast("linear", {&x2, &w2, &b2}))
    return linear(x2, w2, b2, options);
  ops::check_floating("linear", {{"x", x}, {"weight", weight}, {"bias", bias, ops::optional}});
  if (x.rank() == 0 || weight.rank() != 2 || x.size(-1) != weight.size(1) ||
      (bias.defined() && bias.shape() != Shape{weight.size(0)})) {
    throw ShapeError("linear", fmt::format("expected x[...,in], weight[out,in] and bias[out], got {}",
                                           ops::describe({{"x", x}, {"weight", weight}, {"bias", bias}})));
  }
  if (x.rank() == 1) return linear(x.unsqueeze(0), weight, bias, options).squeeze(0);
  // Its gradient needs what the epilogue would not leave.
  if (options.activation == Activation::gelu_tanh && autograd::needs_grad({{x, weight, bias}}))
    return gelu(linear(x, weight, bias), Gelu::tanh);
  Shape shape = x.shape();
  shape[x.rank() - 1] = weight.size(0);
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device()});
  TensorView transposed = weight;
  std::swap(transposed.shape[0], transposed.shape[1]);
  std::swap(transposed.strides[0], transposed.strides[1]);
  dispatch::run(ops::matmul_row, ops::Matmul{y, x, ops::repeat_batch(transposed, shape, x.rank() - 2),
                                             bias.defined() ? bias.contiguous() : bias, options.activation});
  autograd::record<LinearGrad>(y, {x, weight, bias}, [&](LinearGrad& node) {
    node.x.save(x);
    node.weight.save(weight);
    node.activation = options.activation;
    if (options.activation != Activation::none) node.y.save(y);
  });
  return y;
}

}  // namespace fornax
