#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>

#include "device/cuda.cuh"
#include "device/pack.cuh"
#include "device/quotient.cuh"
#include "ops/pool/pool_op.h"

// Where the windows of a pooling lie, worked out by each thread; and which element of the result it makes.
// The numbers are those of src/ops/pool/pool_windows.h.
namespace fornax::cuda {

/// The taps of one window that lie inside: `count` positions from `first`, a dilation apart; `tap` is the
/// number of the first of them. `size` counts padding too, but nothing beyond it.
struct PoolWindow {
  int first, count, tap, size;
};

struct PoolAxis {
  int in, out, kernel, stride, padding, dilation;
  bool adaptive;

  __device__ PoolWindow window(int i) const {
    if (adaptive) {
      const int first = start(i);
      const int last = static_cast<int>(quotient(static_cast<std::int64_t>(i + 1) * in + out - 1, out));
      return {first, last - first, 0, last - first};
    }
    const std::int64_t start = static_cast<std::int64_t>(i) * stride - padding;
    const std::int64_t skipped = start < 0 ? quotient(-start + dilation - 1, dilation) : 0;
    const std::int64_t first = start + skipped * dilation;
    const std::int64_t inside = first < in ? quotient(in - 1 - first, dilation) + 1 : 0;
    const std::int64_t left = kernel > skipped ? kernel - skipped : 0;
    const std::int64_t end = start + kernel < in + padding ? start + kernel : in + padding;
    return {static_cast<int>(first), static_cast<int>(inside < left ? inside : left),
            static_cast<int>(skipped), static_cast<int>(end - start)};
  }

  /// Windows `first` to `last` may hold a position. None does if last < first.
  struct Range {
    int first, last;
  };
  __device__ Range covering(int position) const {
    if (adaptive)
      return {static_cast<int>(quotient(static_cast<std::int64_t>(position) * out, in)),
              static_cast<int>(quotient(static_cast<std::int64_t>(position + 1) * out - 1, in))};
    const std::int64_t at = static_cast<std::int64_t>(position) + padding;
    const std::int64_t reach = at - static_cast<std::int64_t>(kernel - 1) * dilation;
    const std::int64_t last = quotient(at, stride);
    return {reach <= 0 ? 0 : static_cast<int>(quotient(reach + stride - 1, stride)),
            static_cast<int>(last < out ? last : out - 1)};
  }
  /// The number of the tap by which one of those windows holds the position; -1 if its taps pass by.
  __device__ int tap(int window, int position) const {
    if (adaptive) return position - start(window);
    const std::int64_t away =
        static_cast<std::int64_t>(position) + padding - static_cast<std::int64_t>(window) * stride;
    if (dilation == 1) return static_cast<int>(away);
    const std::int64_t number = quotient(away, dilation);
    return number * dilation == away ? static_cast<int>(number) : -1;
  }

 private:
  __device__ int start(int window) const {
    return static_cast<int>(quotient(static_cast<std::int64_t>(window) * in, out));
  }
};

/// Both axes of a pooling from `x` to `y`.
struct PoolAxes {
  PoolAxis h, w;

  PoolAxes(const ops::PoolWindows& p, const TensorView& x, const TensorView& y)
      : h(axis(p, x.size(2), y.size(2), p.kernel.h, p.stride.h, p.padding.h, p.dilation.h)),
        w(axis(p, x.size(3), y.size(3), p.kernel.w, p.stride.w, p.padding.w, p.dilation.w)) {}

 private:
  static PoolAxis axis(const ops::PoolWindows& p, std::int64_t in, std::int64_t out, std::int64_t kernel,
                       std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
    const auto narrow = [](std::int64_t value) { return static_cast<int>(value); };
    return {narrow(in),      narrow(out),      narrow(kernel), narrow(stride),
            narrow(padding), narrow(dilation), p.adaptive};
  }
};

/// Distances in elements.
struct ImageStrides {
  std::int64_t image, channel, row, column;

  ImageStrides() = default;
  explicit ImageStrides(const TensorView& x)
      : image(x.stride(0)), channel(x.stride(1)), row(x.stride(2)), column(x.stride(3)) {}
};

/// An element of images, or the first of a pack of channels.
struct ImagePlace {
  std::int64_t image, channel;
  int row, column;

  __device__ std::int64_t plane(const ImageStrides& strides) const {
    return image * strides.image + channel * strides.channel;
  }
  __device__ std::int64_t offset(const ImageStrides& strides) const {
    return plane(strides) + row * strides.row + column * strides.column;
  }
};

/// The packs of V channels of a result, numbered in the order of its memory, so that adjacent threads work on
/// adjacent memory: channels first where they are adjacent, else columns.
struct PoolResult {
  std::int64_t count, packs;  // in all, of a pixel
  int height, width;
  bool channels_first;

  PoolResult(const TensorView& to, int pack)
      : count(to.numel() / pack),
        packs(to.size(1) / pack),
        height(static_cast<int>(to.size(2))),
        width(static_cast<int>(to.size(3))),
        channels_first(to.stride(1) == 1 && (packs > 1 || pack > 1)) {}

  template <int V>
  __device__ ImagePlace place(std::int64_t index) const {
    ImagePlace place;
    if (channels_first) place.channel = take_digit(index, packs) * V;
    place.column = static_cast<int>(take_digit(index, width));
    place.row = static_cast<int>(take_digit(index, height));
    if (!channels_first) place.channel = take_digit(index, packs) * V;
    place.image = index;
    return place;
  }
};

/// Why the kernels refuse: sizes that do not fit the numbers of PoolAxis.
inline dispatch::Refusal refuse_large(const ops::PoolWindows& p, const TensorView& x) {
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  for (const std::int64_t size : {x.size(2), x.size(3), p.kernel.h, p.kernel.w, p.stride.h, p.stride.w,
                                  p.padding.h, p.padding.w, p.dilation.h, p.dilation.w})
    if (size > most) return "takes sizes below 2^31";
  return p.kernel.h * p.kernel.w > most ? "takes windows of less than 2^31 taps" : dispatch::accepts;
}

/// True if packs of N elements along the channels of all these tensors may be accessed as one.
inline bool packs_of_channels(std::int64_t n, std::initializer_list<const TensorView*> views) {
  return std::ranges::all_of(views, [n](const TensorView* view) {
    if (!view->defined()) return true;
    const auto bytes = static_cast<std::size_t>(n) * size_of(view->dtype);
    if (view->size(1) % n != 0 || view->stride(1) != 1 || !is_aligned(view->data, bytes)) return false;
    for (const int axis : {0, 2, 3})
      if (view->size(axis) > 1 && view->stride(axis) % n != 0) return false;
    return true;
  });
}

}  // namespace fornax::cuda
