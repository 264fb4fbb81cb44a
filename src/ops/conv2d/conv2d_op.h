#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "fornax/ops/activation.h"
#include "fornax/ops/conv2d.h"

/// The three convolutions. Images are [N, C, H, W], w is [O, C / groups, kh, kw], in one floating dtype; the
/// layout is in the strides. fornax/ops/conv2d.h has the formula; shapes agree with it. 16-bit types are
/// summed in f32, rounded once.
namespace fornax::ops {

/// y = activation(x convolved with w + bias + residual). bias may be absent, else is dense, and residual,
/// else has y's shape and strides.
struct Conv2dForward {
  static constexpr std::string_view op_name = "conv2d";
  TensorView y, x, w, bias, residual;
  Conv2dParams params;
  Activation activation = Activation::none;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}, dispatch::Operand{"w", &w},
                      dispatch::Operand{"bias", &bias}, dispatch::Operand{"residual", &residual}};
  }
};

/// y = x convolved with w, and the mean and the biased variance of each of its channels: dense, f32, of f64
/// in f64. y has a value in each channel.
struct Conv2dStatistics {
  static constexpr std::string_view op_name = "conv2d_statistics";
  TensorView y, mean, var, x, w;
  Conv2dParams params;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"mean", &mean},
                      dispatch::Operand{"var", &var}, dispatch::Operand{"x", &x}, dispatch::Operand{"w", &w}};
  }
};

/// dx = gradient of the input.
struct Conv2dGradInput {
  static constexpr std::string_view op_name = "conv2d_grad_input";
  TensorView dx, dy, w;
  Conv2dParams params;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx}, dispatch::Operand{"dy", &dy}, dispatch::Operand{"w", &w}};
  }
};

/// dw = gradient of the weight.
struct Conv2dGradWeight {
  static constexpr std::string_view op_name = "conv2d_grad_weight";
  TensorView dw, dy, x;
  Conv2dParams params;
  auto operands() const {
    return std::array{dispatch::Operand{"dw", &dw}, dispatch::Operand{"dy", &dy}, dispatch::Operand{"x", &x}};
  }
};

extern const dispatch::Kernel<Conv2dForward> conv2d_direct, conv2d_im2col, conv2d_cudnn, conv2d_depthwise,
    conv2d_implicit_gemm;
extern const dispatch::Row<Conv2dForward> conv2d_row;

extern const dispatch::Kernel<Conv2dStatistics> conv2d_statistics_separate_cpu, conv2d_statistics_cudnn,
    conv2d_statistics_separate_cuda;
extern const dispatch::Row<Conv2dStatistics> conv2d_statistics_row;

extern const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_direct, conv2d_grad_input_im2col,
    conv2d_grad_input_cudnn, conv2d_grad_input_depthwise, conv2d_grad_input_implicit_gemm;
extern const dispatch::Row<Conv2dGradInput> conv2d_grad_input_row;

extern const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_direct, conv2d_grad_weight_im2col,
    conv2d_grad_weight_cudnn, conv2d_grad_weight_depthwise, conv2d_grad_weight_implicit_gemm;
extern const dispatch::Row<Conv2dGradWeight> conv2d_grad_weight_row;

}  // namespace fornax::ops
