#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// Rows of x [M,N], any strides: mean and rstd = 1 / sqrt(var + eps) of each, [M], f64 for f64, else f32;
/// then y = (x - mean) rstd weight + bias. y [M,N] has x's dtype and adjacent columns. weight and bias [N]
/// have x's dtype or, beside 16 bits, f32, or are undefined.
struct LayerNorm {
  static constexpr std::string_view op_name = "layer_norm";
  TensorView y, mean, rstd, x, weight, bias;
  double eps = 1e-5;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y},           dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"rstd", &rstd},     dispatch::Operand{"x", &x},
                      dispatch::Operand{"weight", &weight}, dispatch::Operand{"bias", &bias}};
  }
};

/// With g = dy weight and h = (x - mean) rstd: dx = rstd (g - mean(g) - h mean(g h)) along rows,
/// dweight = sum of dy h, dbias = sum of dy over rows. Gradients that are not wanted are undefined; dx is as
/// y above, dweight and dbias are dense, each of its operand's dtype.
struct LayerNormGrad {
  static constexpr std::string_view op_name = "layer_norm_grad";
  TensorView dy, x, mean, rstd, weight, dx, dweight, dbias;
  auto operands() const {
    return std::array{dispatch::Operand{"dy", &dy},           dispatch::Operand{"x", &x},
                      dispatch::Operand{"mean", &mean},       dispatch::Operand{"rstd", &rstd},
                      dispatch::Operand{"weight", &weight},   dispatch::Operand{"dx", &dx},
                      dispatch::Operand{"dweight", &dweight}, dispatch::Operand{"dbias", &dbias}};
  }
};

extern const dispatch::Kernel<LayerNorm> layer_norm_cpu, layer_norm_cuda;
extern const dispatch::Kernel<LayerNormGrad> layer_norm_grad_cpu, layer_norm_grad_cuda;
extern const dispatch::Row<LayerNorm> layer_norm_row;
extern const dispatch::Row<LayerNormGrad> layer_norm_grad_row;

}  // namespace fornax::ops
