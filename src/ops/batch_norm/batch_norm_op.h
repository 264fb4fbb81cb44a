#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"

/// The four rows of batch normalisation. x and what has its shape are [N, C, ...], all in one dense format.
/// What is per channel is [C] and of the compute type: f64 for x in f64, else f32. With
///   xhat = (x - mean) / sqrt(var + eps)     pre = xhat * weight + bias + residual     y = activation(pre)
/// absent weight, bias and residual are 1, 0 and 0.
///
/// Where the gradient of relu needs the sign of `pre`, it is computed again from x, which is read anyway;
/// with a residual, that would cost a third operand, so forward leaves one bit per element instead: 1/32 of
/// the memory and traffic of reading y in f32. The bits are u8 [N, C, L/8] for row-major tensors of L
/// elements per channel, [N, L, C/8] for channels_last ones, rounded up, the first element's bit lowest.
namespace fornax::ops {

/// Whether a channel of an image lies together, in a tensor that is dense in one of the formats or in both.
inline bool is_planar(const TensorView& x) {
  return x.rank() > 2 && (x.rank() != 4 || !x.is_channels_last() || x.size(1) == 1);
}

/// mean and var: the mean and the biased variance of each channel.
struct BatchNormStatistics {
  static constexpr std::string_view op_name = "batch_norm_statistics";
  TensorView x, mean, var;
  auto operands() const {
    return std::array{dispatch::Operand{"x", &x}, dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"var", &var}};
  }
};

/// y, and where `bits` is there, those of the elements where y's activation passes a gradient. An absent mean
/// is 0.
struct BatchNormApply {
  static constexpr std::string_view op_name = "batch_norm_apply";
  TensorView y, bits, x, mean, var, weight, bias, residual;
  double eps = 0;
  Activation activation = Activation::none;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y},       dispatch::Operand{"bits", &bits},
                      dispatch::Operand{"x", &x},       dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"var", &var},   dispatch::Operand{"weight", &weight},
                      dispatch::Operand{"bias", &bias}, dispatch::Operand{"residual", &residual}};
  }
};

/// With g = (dy + more) * activation'(pre): dweight = sum g * xhat, dbias = sum g, over all but the channel,
/// and g itself where it is there: for grad_input, which then need not put it together again. `more` may be
/// absent; g may be dy's or more's memory. `bits` is there if forward had a residual and an activation.
struct BatchNormGradParameters {
  static constexpr std::string_view op_name = "batch_norm_grad_parameters";
  TensorView dy, more, dweight, dbias, g, x, mean, var, weight, bias, bits;
  double eps = 0;
  Activation activation = Activation::none;
  auto operands() const {
    return std::array{dispatch::Operand{"dy", &dy},
                      dispatch::Operand{"more", &more},
                      dispatch::Operand{"dweight", &dweight},
                      dispatch::Operand{"dbias", &dbias},
                      dispatch::Operand{"g", &g},
                      dispatch::Operand{"x", &x},
                      dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"var", &var},
                      dispatch::Operand{"weight", &weight},
                      dispatch::Operand{"bias", &bias},
                      dispatch::Operand{"bits", &bits}};
  }
};

/// dresidual = g, and dx = weight / sqrt(var + eps) * (g - dbias / n - xhat * dweight / n), n elements per
/// channel. Without dweight and dbias, mean and var were constants: dx = weight / sqrt(var + eps) * g.
/// dresidual may be absent, dx may be dy's memory.
struct BatchNormGradInput {
  static constexpr std::string_view op_name = "batch_norm_grad_input";
  TensorView dx, dresidual, dy, x, mean, var, weight, bias, bits, dweight, dbias;
  double eps = 0;
  Activation activation = Activation::none;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx},         dispatch::Operand{"dresidual", &dresidual},
                      dispatch::Operand{"dy", &dy},         dispatch::Operand{"x", &x},
                      dispatch::Operand{"mean", &mean},     dispatch::Operand{"var", &var},
                      dispatch::Operand{"weight", &weight}, dispatch::Operand{"bias", &bias},
                      dispatch::Operand{"bits", &bits},     dispatch::Operand{"dweight", &dweight},
                      dispatch::Operand{"dbias", &dbias}};
  }
};

extern const dispatch::Kernel<BatchNormStatistics> batch_norm_statistics_cpu, batch_norm_statistics_cuda;
extern const dispatch::Kernel<BatchNormApply> batch_norm_apply_cpu, batch_norm_apply_cuda;
extern const dispatch::Kernel<BatchNormGradParameters> batch_norm_grad_parameters_cpu,
    batch_norm_grad_parameters_cuda;
extern const dispatch::Kernel<BatchNormGradInput> batch_norm_grad_input_cpu, batch_norm_grad_input_cuda;
extern const dispatch::Row<BatchNormStatistics> batch_norm_statistics_row;
extern const dispatch::Row<BatchNormApply> batch_norm_apply_row;
extern const dispatch::Row<BatchNormGradParameters> batch_norm_grad_parameters_row;
extern const dispatch::Row<BatchNormGradInput> batch_norm_grad_input_row;

}  // namespace fornax::ops
