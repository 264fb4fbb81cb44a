#pragma once

#include <array>
#include <cstdint>

#include "ops/reduce/reduce_plan.h"

namespace fornax::cpu {

/// Offsets of one position of some axes, which steps on in row-major order.
class ReduceWalk {
 public:
  ReduceWalk(const ops::ReduceAxes& axes, std::int64_t start) : axes_(axes) {
    for (int i = axes.count() - 1; i >= 0 && start > 0; --i) {
      index_[static_cast<std::size_t>(i)] = start % axes[i].size;
      move(axes[i], start % axes[i].size);
      start /= axes[i].size;
    }
  }
  void next() {
    for (int i = axes_.count() - 1; i >= 0; --i) {
      std::int64_t& index = index_[static_cast<std::size_t>(i)];
      move(axes_[i], 1);
      if (++index < axes_[i].size) return;
      move(axes_[i], -index);
      index = 0;
    }
  }
  std::int64_t x = 0, y = 0, center = 0;

 private:
  void move(const ops::ReduceAxis& axis, std::int64_t by) {
    x += by * axis.x;
    y += by * axis.y;
    center += by * axis.center;
  }
  const ops::ReduceAxes& axes_;
  std::array<std::int64_t, max_rank> index_{};
};

}  // namespace fornax::cpu
