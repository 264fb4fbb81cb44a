#pragma once

#include <array>
#include <string_view>

#include "fornax/base/pair.h"
#include "fornax/dispatch/op.h"

/// Pooling. Images are [N, C, H, W], contiguous or channels_last, all of one call in the same format.
namespace fornax::ops {

/// Window i of an axis starts at i * stride - padding and has `kernel` taps, `dilation` apart; or, if
/// adaptive, it goes from i * in / out rounded down to (i + 1) * in / out rounded up, and `kernel` is the
/// longest of them.
struct PoolWindows {
  Pair kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool adaptive = false;
};

/// y = the largest of each window, index = u * kernel.w + v for the first tap (u, v) that has it: u8 if that
/// fits, else i32, [N, C, H, W] in channels_last. The index may be absent.
struct MaxPool2d {
  static constexpr std::string_view op_name = "max_pool2d";
  TensorView y, index, x;
  PoolWindows windows;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"index", &index},
                      dispatch::Operand{"x", &x}};
  }
};

/// dx = the sum of dy over the windows whose index names the element.
struct MaxPool2dGrad {
  static constexpr std::string_view op_name = "max_pool2d_grad";
  TensorView dx, dy, index;
  PoolWindows windows;
  auto operands() const {
    return std::array{dispatch::Operand{"dx", &dx}, dispatch::Operand{"dy", &dy},
                      dispatch::Operand{"index", &index}};
  }
};

/// y = the mean of each window.
struct AvgPool2d {
  static constexpr std::string_view op_name = "avg_pool2d";
  TensorView y, x;
  PoolWindows windows;
  bool count_include_pad = true;
  auto operands() const { return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x}}; }
};

/// dx = the sum of dy / (size of the window) over the windows that hold the element.
struct AvgPool2dGrad {
  static constexpr std::string_view op_name = "avg_pool2d_grad";
  TensorView dx, dy;
  PoolWindows windows;
  bool count_include_pad = true;
  auto operands() const { return std::array{dispatch::Operand{"dx", &dx}, dispatch::Operand{"dy", &dy}}; }
};

extern const dispatch::Kernel<MaxPool2d> max_pool2d_cpu, max_pool2d_cuda;
extern const dispatch::Kernel<MaxPool2dGrad> max_pool2d_grad_cpu, max_pool2d_grad_cuda;
extern const dispatch::Kernel<AvgPool2d> avg_pool2d_cpu, avg_pool2d_cuda;
extern const dispatch::Kernel<AvgPool2dGrad> avg_pool2d_grad_cpu, avg_pool2d_grad_cuda;
extern const dispatch::Row<MaxPool2d> max_pool2d_row;
extern const dispatch::Row<MaxPool2dGrad> max_pool2d_grad_row;
extern const dispatch::Row<AvgPool2d> avg_pool2d_row;
extern const dispatch::Row<AvgPool2dGrad> avg_pool2d_grad_row;

}  // namespace fornax::ops
