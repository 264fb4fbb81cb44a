#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "device/cuda.cuh"
#include "device/divide.cuh"
#include "ops/conv2d/conv2d_op.h"

// Which pixel of one image meets which tap of the kernel. A convolution and its input gradient are the same
// walk: position p of the image that is written, and tap t, read position p * scale + origin + t * step of
// the other image, if it is inside. For the input gradient, positions are treated by residue modulo the
// stride: those of one residue meet the same taps, and no others are visited.
namespace fornax::cuda {

/// The walk along one axis. Tap t is element first + t * every of the kernel.
struct TapAxis {
  int count, first, every;
  int scale, origin, step;
};

/// One axis of a convolution. Sizes are below 2^30.
struct ConvAxis {
  int in, out, kernel, stride, padding, dilation;
  int every;  // taps that meet one residue are this far apart: stride / gcd(stride, dilation)

  constexpr TapAxis forward() const { return {kernel, 0, 1, stride, -padding, dilation}; }

  /// How many residues an input's positions have, and positions a residue at most.
  constexpr int residues() const { return stride < in ? stride : in; }
  constexpr int positions() const { return (in + stride - 1) / stride; }
  constexpr int most_taps() const { return (kernel + every - 1) / every; }  // of a residue
  /// For the input's positions residue + stride * p: these meet output p + origin + t * step.
  constexpr TapAxis gradient(int residue) const {
    if (stride == 1) return {kernel, 0, 1, 1, padding, -dilation};
    int first = 0;
    while (first < every && first < kernel && (residue + padding - first * dilation) % stride != 0) ++first;
    if (first >= every || first >= kernel) return {0, 0, 1, 1, 0, 0};
    return {
        (kernel - 1 - first) / every + 1, first, every, 1, (residue + padding - first * dilation) / stride,
        -(every * dilation / stride)};
  }
};

/// Strides of images [N, C, H, W] or of a weight [O, C, kh, kw].
struct ImageStrides {
  std::int64_t n, c, h, w;
  explicit ImageStrides(const TensorView& x)
      : n(x.strides[0]), c(x.strides[1]), h(x.strides[2]), w(x.strides[3]) {}
};

/// A convolution as the kernels take it.
struct ConvShape {
  int images, groups, channels, outputs;  // channels and outputs of one group
  ConvAxis vertical, horizontal;
};

inline ConvAxis conv_axis(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                          std::int64_t padding, std::int64_t dilation) {
  // A longer stride than the padded image finds one position too, and a kernel of one tap has no dilation.
  stride = std::min(stride, in + 2 * padding);
  if (kernel == 1) dilation = 1;
  const auto number = [](std::int64_t n) { return static_cast<int>(n); };
  return {number(in),
          number(out),
          number(kernel),
          number(stride),
          number(padding),
          number(dilation),
          number(stride / std::gcd(stride, dilation))};
}

inline ConvShape conv_shape(const TensorView& x, const TensorView& w, const TensorView& y,
                            const Conv2dParams& p) {
  return {static_cast<int>(x.shape[0]),
          static_cast<int>(p.groups),
          static_cast<int>(w.shape[1]),
          static_cast<int>(w.shape[0] / p.groups),
          conv_axis(x.shape[2], y.shape[2], w.shape[2], p.stride.h, p.padding.h, p.dilation.h),
          conv_axis(x.shape[3], y.shape[3], w.shape[3], p.stride.w, p.padding.w, p.dilation.w)};
}

/// Sizes that the index arithmetic takes.
inline dispatch::Refusal check_conv_sizes(const TensorView& x, const TensorView& w, const TensorView& y,
                                          const Conv2dParams& p) {
  constexpr std::int64_t limit = 1 << 30;
  const bool fits =
      x.shape[0] * x.shape[2] * x.shape[3] < limit && y.shape[0] * y.shape[2] * y.shape[3] < limit &&
      w.shape[0] * w.shape[2] * w.shape[3] < limit && w.shape[1] * w.shape[2] * w.shape[3] < limit &&
      x.shape[1] < limit && x.shape[2] + 2 * p.padding.h < limit && x.shape[3] + 2 * p.padding.w < limit;
  return fits ? dispatch::accepts : "the images have 2^30 pixels or more";
}

/// The same for kernels of depthwise convolutions, which number elements instead of positions.
inline dispatch::Refusal check_depthwise(const TensorView& x, const TensorView& w, const TensorView& y,
                                         const Conv2dParams& p) {
  if (p.groups != x.shape[1]) return "more than one channel per group";
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  if (x.numel() >= limit || y.numel() >= limit) return "the images have 2^31 elements or more";
  return check_conv_sizes(x, w, y, p);
}

}  // namespace fornax::cuda
