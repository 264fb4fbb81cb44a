#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "fornax/base/shape.h"
#include "fornax/tensor/tensor.h"

namespace fornax::test {

/// The plain double loop: gives `f` the elements of each output over the sorted `axes`, in row-major order.
inline Tensor reduce_plainly(const Tensor& x, const Dims& axes, bool keepdim,
                             const std::function<double(const std::vector<double>&)>& f) {
  const std::vector<double> values = x.to(f64).to_vector<double>();
  Shape shape, kept;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = axes.empty() || axes.contains(axis) || axes.contains(axis - x.rank());
    kept.push_back(reduced ? 1 : x.shape()[axis]);
    if (!reduced || keepdim) shape.push_back(kept.back());
  }
  std::vector<std::vector<double>> groups(static_cast<std::size_t>(kept.product()));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int64_t rest = static_cast<std::int64_t>(i), to = 0, step = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
      const std::int64_t index = rest % x.shape()[axis];
      rest /= x.shape()[axis];
      if (kept[axis] != 1) to += index * step;
      step *= kept[axis];
    }
    groups[static_cast<std::size_t>(to)].push_back(values[i]);
  }
  std::vector<double> results;
  results.reserve(groups.size());
  for (const std::vector<double>& group : groups) results.push_back(f(group));
  return from_span<double>(results, shape);
}

}  // namespace fornax::test
