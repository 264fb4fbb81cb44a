#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "fornax/dispatch/op.h"
#include "ops/random/draw.h"

namespace fornax::ops {

/// y[i] = x[i] / (1 - p) where element i of the draw is p or more, else 0; that element is the
/// upper 24 bits of W(i) as a fraction of 1 (src/ops/random/random_op.h), i the row-major index. x has y's
/// shape and dtype; any strides. Its own gradient.
struct Dropout {
  static constexpr std::string_view op_name = "dropout";
  TensorView y, x;
  double p = 0.5;
  DrawView draw;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x},
                      dispatch::Operand{"draw", &draw.replayed}};
  }
};

extern const dispatch::Kernel<Dropout> dropout_cpu, dropout_cuda;
extern const dispatch::Row<Dropout> dropout_row;

}  // namespace fornax::ops
