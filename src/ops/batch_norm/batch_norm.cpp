#include "fornax/ops/batch_norm.h"

#include <fmt/format.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/common/check.h"

namespace fornax {
namespace {

/// Room for a bit per element of x, in the order of its memory; see batch_norm_op.h.
Tensor empty_bits(const Tensor& x) {
  const std::int64_t images = x.size(0), channels = x.size(1);
  std::int64_t per_channel = 1;
  for (int axis = 2; axis < x.rank(); ++axis) per_channel *= x.size(axis);
  return empty(ops::is_planar(x) ? Shape{images, channels, (per_channel + 7) / 8}
                                 : Shape{images, per_channel, (channels + 7) / 8},
               {.dtype = u8, .device = x.device()});
}

struct BatchNormGrad final : autograd::Node {
  autograd::Saved x, mean, var, weight, bias, bits;
  double eps = 0;
  Activation activation = Activation::none;
  bool training = false;
  std::string_view name() const override { return "batch_norm"; }
  bool wants_sums() const { return training || needs(1) || needs(2); }
  bool takes_summands() const noexcept override { return wants_sums(); }
  Grads backward(const Tensor& dy) override { return backward_of_sum(dy, {}); }
  Grads backward_of_sum(const Tensor& dy, const Tensor& more) override;
};

Grads BatchNormGrad::backward_of_sum(const Tensor& dy, const Tensor& more) {
  const Tensor input = x.get(*this), mu = mean.get(*this), variance = var.get(*this);
  const Tensor scale = weight.get(*this), shift = bias.get(*this), passed = bits.get(*this);
  const MemoryFormat format = input.suggested_format();
  const auto is_free = [format](const Tensor& tensor) {
    return tensor.defined() && tensor.is_sole_owner() && tensor.is_contiguous(format);
  };
  const bool dy_is_free = is_free(dy), more_is_free = is_free(more);
  const bool gated = activation != Activation::none;
  // g is written while it is summed where it is a sum of two, or the residual's gradient.
  const bool keeps_g = wants_sums() && (more.defined() || (gated && needs(3))), gates = gated && !keeps_g;
  Tensor g = dy.to(format), dweight, dbias;
  if (wants_sums()) {
    const Tensor kept = !keeps_g ? Tensor() : dy_is_free ? dy : more_is_free ? more : empty_like(input);
    dweight = empty_like(mu);
    dbias = empty_like(mu);
    dispatch::run(ops::batch_norm_grad_parameters_row,
                  ops::BatchNormGradParameters{.dy = g,
                                               .more = more.defined() ? more.to(format) : more,
                                               .dweight = dweight,
                                               .dbias = dbias,
                                               .g = kept,
                                               .x = input,
                                               .mean = mu,
                                               .var = variance,
                                               .weight = scale,
                                               .bias = shift,
                                               .bits = passed,
                                               .eps = eps,
                                               .activation = activation});
    if (keeps_g) g = kept;
  }
  Tensor dx, dresidual;
  if (needs(3)) dresidual = gates ? empty_like(input) : keeps_g ? g : dy;
  if (needs(0) || (needs(3) && gates)) {
    if (keeps_g)
      dx = !needs(3) ? g : dy_is_free && more_is_free ? more : empty_like(input);
    else
      dx = dy_is_free && !dresidual.is(dy) ? dy : empty_like(input);
    ops::BatchNormGradInput args{
        .dx = dx, .dy = g, .x = input, .mean = mu, .var = variance, .weight = scale, .eps = eps};
    if (gates) {
      args.activation = activation;
      args.bias = shift;
      args.bits = passed;
      args.dresidual = dresidual;
    }
    if (training) {
      args.dweight = dweight;
      args.dbias = dbias;
    }
    dispatch::run(ops::batch_norm_grad_input_row, args);
  }
  return {dx, dweight, dbias, dresidual};
}

/// Under autocast a residual may come in another type than x, from an op that runs in f32.
Tensor cast_residual(const Tensor& residual, const Tensor& x) {
  const auto casts = [](const Tensor& tensor) {
    return is_floating(tensor.dtype()) && tensor.dtype() != f64;
  };
  const bool on = residual.defined() && amp::autocast_dtype(x.device().type);
  return on && casts(residual) && casts(x) ? residual.to(x.dtype()) : residual;
}

}  // namespace

Tensor batch_norm_act(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                      const Tensor& running_var, const BatchNormActOptions& options) {
  constexpr std::string_view op = "batch_norm";
  ops::check_defined(op, x);
  ops::check_none_or_relu(op, options.activation);
  const Tensor residual = cast_residual(options.residual, x);
  const BatchStatistics& given = options.statistics;
  const auto operands = [&] {
    return ops::describe({{"x", x},
                          {"weight", weight},
                          {"bias", bias},
                          {"running_mean", running_mean},
                          {"running_var", running_var},
                          {"residual", residual},
                          {"statistics.mean", given.mean},
                          {"statistics.var", given.var}});
  };
  if (x.rank() < 2) throw ShapeError(op, "expected x of [N, C, ...], got " + describe(x));
  if (!is_floating(x.dtype())) throw DTypeError(op, "expected a floating x, got " + describe(x));
  const DType wide = x.dtype() == f64 ? f64 : f32;
  if (given.mean.defined() != given.var.defined() || (given.mean.defined() && !options.training))
    throw ValueError(op, "expected both statistics of the batch, and only when training, got " + operands());
  for (const Tensor* values : {&weight, &bias, &running_mean, &running_var, &given.mean, &given.var}) {
    if (!values->defined()) continue;
    if (values->shape() != Shape{x.size(1)})
      throw ShapeError(op, fmt::format("expected [{}] values per channel, got {}; {}", x.size(1),
                                       describe(*values), operands()));
    if (values->dtype() != wide)
      throw DTypeError(op, fmt::format("expected parameters and statistics in {}, got {}; {}", name_of(wide),
                                       describe(*values), operands()));
  }
  if (residual.defined() && residual.shape() != x.shape())
    throw ShapeError(op, "expected a residual of x's shape, got " + operands());
  if (residual.defined() && residual.dtype() != x.dtype())
    throw DTypeError(op, "expected a residual of x's dtype, got " + operands());
  for (const Tensor* other :
       {&weight, &bias, &running_mean, &running_var, &residual, &given.mean, &given.var})
    if (other->defined() && other->device() != x.device())
      throw DeviceError(op, "expected all on one device, got " + operands());
  const bool tracked = running_mean.defined() && running_var.defined();
  if (!tracked && (!options.training || running_mean.defined() || running_var.defined()))
    throw ValueError(op,
                     "expected running_mean and running_var (or neither, when training), got " + operands());
  const std::int64_t per_channel = x.size(1) == 0 ? 0 : x.numel() / x.size(1);
  if (options.training && per_channel < 2)
    throw ShapeError(op, "expected more than one value per channel when training, got " + operands());

  const Tensor input = x.to(x.suggested_format()), scale = weight.defined() ? weight.contiguous() : weight;
  const Tensor shift = bias.defined() ? bias.contiguous() : bias;
  const Tensor added = residual.defined() ? residual.to(input.suggested_format()) : residual;
  Tensor mean, var;
  if (options.training) {
    if (given.mean.defined()) {
      mean = given.mean.contiguous();
      var = given.var.contiguous();
    } else {
      mean = empty({x.size(1)}, {.dtype = wide, .device = x.device()});
      var = empty_like(mean);
      dispatch::run(ops::batch_norm_statistics_row, ops::BatchNormStatistics{input, mean, var});
    }
    if (tracked) {
      const NoGrad no_grad;
      const AnomalyGuard off(false);  // it is for results, and by the names of their ops
      const double n = static_cast<double>(per_channel);
      Tensor(running_mean).mul_(1 - options.momentum).add_(mean, options.momentum);
      Tensor(running_var).mul_(1 - options.momentum).add_(var, options.momentum * n / (n - 1));
    }
  } else {
    mean = running_mean.contiguous();
    var = running_var.contiguous();
  }

  Tensor y = empty_like(input), bits;
  if (options.activation != Activation::none && added.defined() &&
      autograd::needs_grad({{input, scale, shift, added}}))
    bits = empty_bits(input);
  dispatch::run(ops::batch_norm_apply_row, ops::BatchNormApply{.y = y,
                                                               .bits = bits,
                                                               .x = input,
                                                               .mean = mean,
                                                               .var = var,
                                                               .weight = scale,
                                                               .bias = shift,
                                                               .residual = added,
                                                               .eps = options.eps,
                                                               .activation = options.activation});
  autograd::record<BatchNormGrad>(y, {input, scale, shift, added}, [&](BatchNormGrad& node) {
    node.x.save(input);
    node.mean.save(mean);
    node.var.save(var);
    node.weight.save(scale);
    if (options.activation != Activation::none && !bits.defined()) node.bias.save(shift);
    node.bits.save(bits);
    node.eps = options.eps;
    node.activation = options.activation;
    node.training = options.training;
  });
  return y;
}

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options) {
  return batch_norm_act(x, weight, bias, running_mean, running_var,
                        {.training = options.training, .momentum = options.momentum, .eps = options.eps});
}

}  // namespace fornax
