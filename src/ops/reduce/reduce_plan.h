#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "fornax/dispatch/tensor_view.h"

/// In which order kernels walk a tensor that is reduced over some axes, on every device.
namespace fornax::ops {

/// One axis with its strides in elements; y's and the center's are 0 where the axis is reduced.
struct ReduceAxis {
  std::int64_t size = 1, x = 0, y = 0, center = 0;
};

/// Axes, outermost first.
class ReduceAxes {
 public:
  int count() const { return count_; }
  const ReduceAxis& operator[](int i) const { return axes_[static_cast<std::size_t>(i)]; }
  ReduceAxis& back() { return axes_[static_cast<std::size_t>(count_ - 1)]; }
  void push_back(const ReduceAxis& axis) { axes_[static_cast<std::size_t>(count_++)] = axis; }
  ReduceAxis pop_back() { return axes_[static_cast<std::size_t>(--count_)]; }
  std::int64_t numel() const {
    std::int64_t n = 1;
    for (int i = 0; i < count_; ++i) n *= (*this)[i].size;
    return n;
  }

 private:
  std::array<ReduceAxis, max_rank> axes_;
  int count_ = 0;
};

/// The axes in x's memory order, those of size 1 dropped and those of one sort merged where all strides allow
/// it.
struct ReducePlan {
  ReduceAxes kept, reduced;
  /// Whether the axis that is innermost in memory is a kept one.
  bool innermost_is_kept = false;
};

inline ReducePlan plan_reduce(const TensorView& x, const TensorView& y, const TensorView& center = {}) {
  std::array<int, max_rank> order;
  int rank = 0;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (x.shape[axis] != 1) order[static_cast<std::size_t>(rank++)] = axis;
  // Repeated elements (stride 0) go outermost: the inner loops want neighbours.
  const auto extent = [&](int axis) { return x.strides[axis] == 0 ? INT64_MAX : x.strides[axis]; };
  if (rank > 1)
    std::stable_sort(order.begin(), order.begin() + rank,
                     [&](int a, int b) { return extent(a) > extent(b); });
  ReducePlan plan;
  for (int i = 0; i < rank; ++i) {
    const int axis = order[static_cast<std::size_t>(i)];
    const bool kept = y.shape[axis] != 1;
    const ReduceAxis here{x.shape[axis], x.strides[axis], kept ? y.strides[axis] : 0,
                          kept && center.defined() ? center.strides[axis] : 0};
    ReduceAxes& axes = kept ? plan.kept : plan.reduced;
    const auto merges = [&](std::int64_t ReduceAxis::*stride) {
      return axes.back().*stride == here.*stride * here.size;
    };
    if (axes.count() > 0 && merges(&ReduceAxis::x) && merges(&ReduceAxis::y) && merges(&ReduceAxis::center)) {
      const std::int64_t size = axes.back().size * here.size;
      axes.back() = here;
      axes.back().size = size;
    } else {
      axes.push_back(here);
    }
    plan.innermost_is_kept = kept;
  }
  return plan;
}

}  // namespace fornax::ops
