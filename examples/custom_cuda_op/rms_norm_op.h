#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

/// What the op's kernels are given: y = x * scale * weight, and scale = 1 / sqrt(mean(x^2) + eps) of each
/// row. x and y:
/// [..., n], scale: [..., 1], weight: [n], all dense.
struct RmsNorm {
  static constexpr std::string_view op_name = "rms_norm";
  fornax::TensorView y, scale, x, weight;
  double eps;
  auto operands() const {
    using fornax::dispatch::Operand;
    return std::array{Operand{"y", &y}, Operand{"scale", &scale}, Operand{"x", &x},
                      Operand{"weight", &weight}};
  }
};

/// On the CPU (rms_norm.cpp) and on a GPU (rms_norm.cu).
extern const fornax::dispatch::Kernel<RmsNorm> rms_norm_cpu, rms_norm_cuda;
