#include <fmt/format.h>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/elementwise.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/common/check.h"

namespace fornax {
namespace {

constexpr std::string_view op = "fold_batch_norm";

/// x * scale + shift by channel, x being [1, channels, ...].
Tensor scaled(const Tensor& x, const Tensor& weight, const Tensor& shift, const Tensor& var, double eps) {
  Tensor y = empty_like(x);
  dispatch::run(ops::batch_norm_apply_row,
                ops::BatchNormApply{.y = y, .x = x, .var = var, .weight = weight, .bias = shift, .eps = eps});
  return y;
}

/// The same of rows of `x`, in the order of their memory.
Tensor scaled_rows(const Tensor& x, const Tensor& weight, const Tensor& var, double eps) {
  const bool last = x.rank() == 4 && !x.is_contiguous();
  const Tensor rows = last ? x.permute({0, 2, 3, 1}) : x;
  const Tensor y = scaled(rows.reshape({1, x.size(0), -1}), weight, {}, var, eps).view(rows.shape());
  return last ? y.permute({0, 3, 1, 2}) : y;
}

}  // namespace

FoldedBatchNorm fold_batch_norm(const Tensor& conv_weight, const Tensor& conv_bias, const Tensor& weight,
                                const Tensor& bias, const Tensor& running_mean, const Tensor& running_var,
                                double eps) {
  ops::check_floating(op, {{"conv_weight", conv_weight}, {"conv_bias", conv_bias, ops::optional}});
  ops::check_defined(op, running_mean, "running_mean");
  ops::check_defined(op, running_var, "running_var");
  const auto operands = [&] {
    return ops::describe({{"conv_weight", conv_weight},
                          {"conv_bias", conv_bias},
                          {"weight", weight},
                          {"bias", bias},
                          {"running_mean", running_mean},
                          {"running_var", running_var}});
  };
  if (conv_weight.rank() < 2 || conv_weight.numel() == 0)
    throw ShapeError(op, "expected conv_weight of [O, ...] with elements, got " + operands());
  const DType wide = conv_weight.dtype() == f64 ? f64 : f32;
  for (const Tensor* values : {&conv_bias, &weight, &bias, &running_mean, &running_var}) {
    if (!values->defined()) continue;
    if (values->shape() != Shape{conv_weight.size(0)})
      throw ShapeError(
          op, fmt::format("expected [{}] values per channel, got {}", conv_weight.size(0), operands()));
    if (values != &conv_bias && values->dtype() != wide)
      throw DTypeError(
          op, fmt::format("expected parameters and statistics in {}, got {}", name_of(wide), operands()));
    if (values->device() != conv_weight.device())
      throw DeviceError(op, "expected all on one device, got " + operands());
  }
  const NoGrad no_grad;
  const Tensor rows = conv_weight.to(conv_weight.suggested_format()), var = running_var.contiguous();
  const Tensor scale = weight.defined() ? weight.contiguous() : weight;
  const Tensor shift = bias.defined() ? bias.contiguous() : bias;
  const Tensor centred = conv_bias.defined() ? conv_bias.to(wide) - running_mean : -running_mean;
  return {scaled_rows(rows, scale, var, eps),
          scaled(centred.view({1, -1}), scale, shift, var, eps).view({-1}).to(conv_weight.dtype())};
}

}  // namespace fornax
