#include "fornax/ops/conv2d.h"

#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/common/sum_to.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/unary/unary_op.h"

// The three convolutions are each other's gradients, so each is differentiable any number of times.
namespace fornax {
namespace {

struct Conv2dGrad final : autograd::Node {
  autograd::Saved x, weight, y;
  Conv2dParams params;
  Activation activation = Activation::none;
  std::string_view name() const override { return "conv2d"; }
  Grads backward(const Tensor& gradient) override {
    const Tensor input = x.get(*this), w = weight.get(*this);
    Grads grads{{}, {}, {}, {}};
    Tensor dy = gradient;
    if (activation == Activation::relu) {
      dy = empty_like(gradient);
      dispatch::run(ops::unary_grad_row, ops::UnaryGrad{dy, gradient, y.get(*this), ops::UnaryKind::relu});
    }
    if (needs(0)) grads[0] = conv2d_grad_input(dy, w, input.shape(), params);
    if (needs(1)) grads[1] = conv2d_grad_weight(dy, input, w.shape(), params, w.suggested_format());
    if (needs(2)) grads[2] = ops::sum_to(dy, {1, w.size(0), 1, 1}).view({w.size(0)});
    if (needs(3)) grads[3] = dy;
    return grads;
  }
};

struct Conv2dGradInputGrad final : autograd::Node {
  autograd::Saved dy, weight;
  Conv2dParams params;
  std::string_view name() const override { return "conv2d_grad_input"; }
  Grads backward(const Tensor& ddx) override {
    const Tensor w = weight.get(*this);
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = conv2d(ddx, w, {}, params);
    if (needs(1)) grads[1] = conv2d_grad_weight(dy.get(*this), ddx, w.shape(), params, w.suggested_format());
    return grads;
  }
};

struct Conv2dGradWeightGrad final : autograd::Node {
  autograd::Saved dy, x;
  Conv2dParams params;
  std::string_view name() const override { return "conv2d_grad_weight"; }
  Grads backward(const Tensor& ddw) override {
    const Tensor input = x.get(*this);
    Grads grads{{}, {}};
    if (needs(0)) grads[0] = conv2d(input, ddw, {}, params);
    if (needs(1)) grads[1] = conv2d_grad_input(dy.get(*this), ddw, input.shape(), params);
    return grads;
  }
};

void record(Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dParams& params,
            const Conv2dActOptions& options) {
  autograd::record<Conv2dGrad>(y, {x, weight, bias, options.residual}, [&](Conv2dGrad& node) {
    node.x.save(x);
    node.weight.save(weight);
    node.params = params;
    node.activation = options.activation;
    if (options.activation != Activation::none) node.y.save(y);
  });
}

std::int64_t output_size(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                         std::int64_t dilation) {
  const std::int64_t reach = in + 2 * padding - dilation * (kernel - 1) - 1;
  return reach < 0 ? 0 : reach / stride + 1;
}

/// y's shape. Throws unless shapes and parameters make a convolution.
Shape output_shape(std::string_view op, const Shape& x, const Shape& w, const Conv2dParams& p,
                   DescribeOperands operands) {
  const auto pair = [](Pair value) { return fmt::format("{}x{}", value.h, value.w); };
  const auto least = [&](std::string_view what, Pair value, std::int64_t minimum) {
    if (value.h < minimum || value.w < minimum) {
      throw ValueError(
          op, fmt::format("expected {} of at least {}, got {}; {}", what, minimum, pair(value), operands()));
    }
  };
  least("a stride", p.stride, 1);
  least("padding", p.padding, 0);
  least("a dilation", p.dilation, 1);
  if (x.rank() != 4 || w.rank() != 4) {
    throw ShapeError(op, fmt::format("expected x[N,C,H,W] and weight[O,C/groups,kh,kw], got {} and {}; {}",
                                     to_string(x), to_string(w), operands()));
  }
  if (p.groups < 1 || x[1] != w[1] * p.groups || w[0] % p.groups != 0) {
    throw ShapeError(
        op, fmt::format("expected channels and weight to fit {} groups, got x {} and weight {}; {}", p.groups,
                        to_string(x), to_string(w), operands()));
  }
  const Shape y{x[0], w[0], output_size(x[2], w[2], p.stride.h, p.padding.h, p.dilation.h),
                output_size(x[3], w[3], p.stride.w, p.padding.w, p.dilation.w)};
  if (y[2] < 1 || y[3] < 1 || w[2] < 1 || w[3] < 1) {
    throw ShapeError(
        op, fmt::format("expected a kernel that fits the padded images, got x {}, weight {}, padding {}, "
                        "dilation {}; {}",
                        to_string(x), to_string(w), pair(p.padding), pair(p.dilation), operands()));
  }
  return y;
}

MemoryFormat common_format(const Tensor& a, const Tensor& b) {
  const bool last = a.suggested_format() == MemoryFormat::channels_last ||
                    b.suggested_format() == MemoryFormat::channels_last;
  return last ? MemoryFormat::channels_last : MemoryFormat::contiguous;
}

void check_output(std::string_view op, const Tensor& dy, const Shape& expected, DescribeOperands operands) {
  if (dy.shape() != expected) {
    throw ShapeError(op, fmt::format("expected dy of shape {}, got {}; {}", to_string(expected),
                                     to_string(dy.shape()), operands()));
  }
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dParams& params) {
  return conv2d_act(x, weight, bias, params, {});
}

Tensor conv2d_act(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dParams& params,
                  const Conv2dActOptions& options) {
  ops::check_none_or_relu("conv2d", options.activation);
  const Tensor& residual = options.residual;
  if (Tensor x2 = x, w2 = weight, b2 = bias, r2 = residual; ops::autocast("conv2d", {&x2, &w2, &b2, &r2})) {
    return conv2d_act(x2, w2, b2, params, {options.activation, r2});
  }
  ops::check_floating(
      "conv2d",
      {{"x", x}, {"weight", weight}, {"bias", bias, ops::optional}, {"residual", residual, ops::optional}});
  const auto operands = [&] {
    return ops::describe({{"x", x}, {"weight", weight}, {"bias", bias}, {"residual", residual}});
  };
  const Shape shape = output_shape("conv2d", x.shape(), weight.shape(), params, operands);
  if (bias.defined() && bias.shape() != Shape{weight.size(0)}) {
    throw ShapeError("conv2d", fmt::format("expected bias of shape [{}], got {}; {}", weight.size(0),
                                           to_string(bias.shape()), operands()));
  }
  if (residual.defined() && residual.shape() != shape) {
    throw ShapeError("conv2d", fmt::format("expected residual of shape {}, got {}; {}", to_string(shape),
                                           to_string(residual.shape()), operands()));
  }
  const MemoryFormat format = common_format(x, weight);
  if (!x.is_contiguous(format)) return conv2d_act(x.to(format), weight, bias, params, options);
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device(), .format = format});
  dispatch::run(ops::conv2d_row, ops::Conv2dForward{y, x, weight, bias.defined() ? bias.contiguous() : bias,
                                                    residual.defined() ? residual.to(format) : residual,
                                                    params, options.activation});
  record(y, x, weight, bias, params, options);
  return y;
}

Conv2dWithStatistics conv2d_with_statistics(const Tensor& x, const Tensor& weight,
                                            const Conv2dParams& params) {
  if (Tensor x2 = x, w2 = weight; ops::autocast("conv2d", {&x2, &w2})) {
    return conv2d_with_statistics(x2, w2, params);
  }
  ops::check_floating("conv2d", {{"x", x}, {"weight", weight}});
  const auto operands = [&] { return ops::describe({{"x", x}, {"weight", weight}}); };
  const Shape shape = output_shape("conv2d", x.shape(), weight.shape(), params, operands);
  if (shape[0] == 0 || shape[1] == 0) {
    throw ShapeError("conv2d", "expected values to take the statistics of, got " + operands());
  }
  const MemoryFormat format = common_format(x, weight);
  if (!x.is_contiguous(format)) return conv2d_with_statistics(x.to(format), weight, params);
  Tensor y = empty(shape, {.dtype = x.dtype(), .device = x.device(), .format = format});
  const Tensor mean = empty({shape[1]}, {.dtype = x.dtype() == f64 ? f64 : f32, .device = x.device()});
  const Tensor var = empty_like(mean);
  dispatch::run(ops::conv2d_statistics_row, ops::Conv2dStatistics{y, mean, var, x, weight, params});
  record(y, x, weight, {}, params, {});
  return {y, {mean, var}};
}

Tensor conv2d_grad_input(const Tensor& dy, const Tensor& weight, const Shape& x_shape,
                         const Conv2dParams& params) {
  constexpr std::string_view op = "conv2d_grad_input";
  ops::check_floating(op, {{"dy", dy}, {"weight", weight}});
  const auto operands = [&] { return ops::describe({{"dy", dy}, {"weight", weight}}); };
  check_output(op, dy, output_shape(op, x_shape, weight.shape(), params, operands), operands);
  const MemoryFormat format = common_format(dy, weight);
  if (!dy.is_contiguous(format)) return conv2d_grad_input(dy.to(format), weight, x_shape, params);
  Tensor dx = empty(x_shape, {.dtype = dy.dtype(), .device = dy.device(), .format = format});
  dispatch::run(ops::conv2d_grad_input_row, ops::Conv2dGradInput{dx, dy, weight, params});
  autograd::record<Conv2dGradInputGrad>(dx, {dy, weight}, [&](Conv2dGradInputGrad& node) {
    node.dy.save(dy);
    node.weight.save(weight);
    node.params = params;
  });
  return dx;
}

Tensor conv2d_grad_weight(const Tensor& dy, const Tensor& x, const Shape& weight_shape,
                          const Conv2dParams& params, MemoryFormat format) {
  constexpr std::string_view op = "conv2d_grad_weight";
  ops::check_floating(op, {{"dy", dy}, {"x", x}});
  const auto operands = [&] { return ops::describe({{"dy", dy}, {"x", x}}); };
  check_output(op, dy, output_shape(op, x.shape(), weight_shape, params, operands), operands);
  const MemoryFormat images = common_format(dy, x);
  if (!dy.is_contiguous(images) || !x.is_contiguous(images)) {
    return conv2d_grad_weight(dy.to(images), x.to(images), weight_shape, params, format);
  }
  Tensor dw = empty(weight_shape, {.dtype = dy.dtype(), .device = dy.device(), .format = format});
  dispatch::run(ops::conv2d_grad_weight_row, ops::Conv2dGradWeight{dw, dy, x, params});
  autograd::record<Conv2dGradWeightGrad>(dw, {dy, x}, [&](Conv2dGradWeightGrad& node) {
    node.dy.save(dy);
    node.x.save(x);
    node.params = params;
  });
  return dw;
}

}  // namespace fornax
