#pragma once

#include <array>
#include <string_view>

#include "fornax/dispatch/op.h"

namespace fornax::ops {

/// indices = where along `axis` the first largest (or smallest) element of x is, values = that element; a NaN
/// beats all numbers. The outputs have x's shape with 1 at `axis`, which is not empty; indices are i64,
/// values have x's dtype or are undefined; any strides.
struct ArgReduce {
  static constexpr std::string_view op_name = "arg_reduce";
  TensorView x, indices, values;
  int axis = 0;
  bool largest = true;
  auto operands() const {
    return std::array{dispatch::Operand{"x", &x}, dispatch::Operand{"indices", &indices},
                      dispatch::Operand{"values", &values}};
  }
};

/// y[..., index, ...] = x along `axis`, other elements stay as they are; x and index have y's shape with 1 at
/// `axis`, index is i64 within y's size there; any strides.
struct Scatter {
  static constexpr std::string_view op_name = "scatter";
  TensorView y, x, index;
  int axis = 0;
  auto operands() const {
    return std::array{dispatch::Operand{"y", &y}, dispatch::Operand{"x", &x},
                      dispatch::Operand{"index", &index}};
  }
};

extern const dispatch::Kernel<ArgReduce> arg_reduce_cpu, arg_reduce_cuda;
extern const dispatch::Kernel<Scatter> scatter_cpu, scatter_cuda;
extern const dispatch::Row<ArgReduce> arg_reduce_row;
extern const dispatch::Row<Scatter> scatter_row;

}  // namespace fornax::ops
