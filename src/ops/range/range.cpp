#include "ops/range/range_op.h"

#include <fmt/core.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "ops/common/elementwise.h"

namespace fornax {

Tensor arange(Scalar start, Scalar end, Scalar step, DType dtype, Device device) {
  Tensor y = empty({0}, {.dtype = dtype, .device = device});
  ops::check_dtype("arange", y, number_dtypes, "numbers");
  for (const Scalar& value : {start, end, step}) ops::check_scalar("arange", y, value);
  const double count = std::ceil((end.real() - start.real()) / step.real());
  if (step.real() == 0 || !(count >= 0))
    throw ValueError("arange", fmt::format("expected a step that leads from {} to {}, got {}", start.real(),
                                           end.real(), step.real()));
  y = empty({static_cast<std::int64_t>(std::min(count, 0x1p62))}, {.dtype = dtype, .device = device});
  dispatch::run(ops::range_row, ops::Range{y, start, step});
  return y;
}

Tensor arange(std::int64_t end) { return arange(0, end); }

Tensor linspace(double start, double end, std::int64_t count, const TensorOptions& options) {
  if (count < 0) throw ValueError("linspace", fmt::format("expected a count of 0 or more, got {}", count));
  Tensor y = empty({count}, options);
  ops::check_dtype("linspace", y, floating_dtypes, "a floating dtype");
  const double step = count > 1 ? (end - start) / static_cast<double>(count - 1) : 0;
  // From both ends, so that both are met exactly.
  const std::int64_t half = (count + 1) / 2;
  const Tensor left = y.narrow(0, 0, half), right = y.narrow(0, half, count - half);
  dispatch::run(ops::range_row, ops::Range{left, start, step, 0});
  dispatch::run(ops::range_row, ops::Range{right, end, step, count - half - 1});
  return y;
}

Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns, const TensorOptions& options) {
  const std::int64_t width = columns.value_or(rows);
  Tensor y = zeros({rows, width}, options);
  const std::int64_t length = std::min(rows, width);
  y.alias({length}, {width + 1}).fill_(1);
  return y;
}

}  // namespace fornax
