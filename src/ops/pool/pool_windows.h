#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/pool/pool_op.h"

/// Where the windows of one axis lie, from both sides.
namespace fornax::ops {

/// The taps of one window that lie inside: `count` positions from `first`, a dilation apart; `tap` is the
/// number of the first of them. `size` counts padding too, but nothing beyond it.
struct Window {
  std::int64_t first, count, tap, size;
};

/// That tap `tap` of window `window` lies on a position.
struct Cover {
  std::int64_t window, tap;
};

class WindowAxis {
 public:
  WindowAxis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
             std::int64_t padding, std::int64_t dilation, bool adaptive)
      : dilation_(dilation), start_(static_cast<std::size_t>(in) + 1) {
    for (std::int64_t i = 0; i < out; ++i)
      windows_.push_back(adaptive ? even(i, in, out) : regular(i * stride - padding, in, kernel, padding));
    for (const Window& window : windows_)
      for (std::int64_t t = 0; t < window.count; ++t) ++start_[position(window, t) + 1];
    for (std::size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
    covers_.resize(start_.back());
    std::vector<std::size_t> next = start_;
    for (std::int64_t i = 0; i < out; ++i)
      for (std::int64_t t = 0; t < windows_[static_cast<std::size_t>(i)].count; ++t) {
        const Window& window = windows_[static_cast<std::size_t>(i)];
        covers_[next[position(window, t)]++] = {i, window.tap + t};
      }
  }

  const Window& window(std::int64_t i) const { return windows_[static_cast<std::size_t>(i)]; }
  /// The windows that hold a position, in order.
  std::span<const Cover> covers(std::int64_t at) const {
    const auto i = static_cast<std::size_t>(at);
    return std::span(covers_).subspan(start_[i], start_[i + 1] - start_[i]);
  }
  std::int64_t dilation() const { return dilation_; }

 private:
  Window regular(std::int64_t start, std::int64_t in, std::int64_t kernel, std::int64_t padding) const {
    const std::int64_t skipped = start < 0 ? (-start + dilation_ - 1) / dilation_ : 0;
    const std::int64_t first = start + skipped * dilation_;
    const std::int64_t inside = first < in ? (in - 1 - first) / dilation_ + 1 : 0;
    return {first, std::clamp<std::int64_t>(inside, 0, std::max<std::int64_t>(kernel - skipped, 0)), skipped,
            std::min(start + kernel, in + padding) - start};
  }
  static Window even(std::int64_t i, std::int64_t in, std::int64_t out) {
    const std::int64_t first = i * in / out, last = ((i + 1) * in + out - 1) / out;
    return {first, last - first, 0, last - first};
  }
  std::size_t position(const Window& window, std::int64_t t) const {
    return static_cast<std::size_t>(window.first + t * dilation_);
  }

  std::int64_t dilation_;
  std::vector<Window> windows_;
  std::vector<std::size_t> start_;  // of each position's covers
  std::vector<Cover> covers_;
};

/// Both axes of a pooling from `x` to `y`.
struct WindowAxes {
  WindowAxis h, w;

  WindowAxes(const PoolWindows& p, const TensorView& x, const TensorView& y)
      : h(x.size(2), y.size(2), p.kernel.h, p.stride.h, p.padding.h, p.dilation.h, p.adaptive),
        w(x.size(3), y.size(3), p.kernel.w, p.stride.w, p.padding.w, p.dilation.w, p.adaptive) {}
};

}  // namespace fornax::ops
