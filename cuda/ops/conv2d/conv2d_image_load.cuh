#pragma once

#include <cstdint>

#include "ops/common/tile_operands.cuh"
#include "ops/conv2d/conv2d_geometry.cuh"

namespace fornax::cuda {

/// The images of a convolution as one operand of a product (tile_operands.cuh), as it would lie in memory
/// after "im2col": one axis is the positions (n, i, j), the other the taps with their channels, (u, v, c) or
/// (c, u, v). Lines are positions or taps. A pack of more than one element is channels of one tap.
template <class S, int elements, bool lines_are_positions, bool packs_along_steps>
struct ImageLoad {
  using Element = S;
  static constexpr int pack = elements;
  static constexpr bool along_steps = packs_along_steps;
  static_assert(pack == 1 || lines_are_positions == along_steps);

  const S* data;
  ImageStrides strides;
  int height, width;
  TapAxis vertical, horizontal;
  Digits positions, taps;
  int lines = 0;
  bool channels_first = false;  // (c, u, v)

  ImageLoad(const TensorView& image) : data(image.ptr<const S>()), strides(image) {
    height = static_cast<int>(image.shape[2]);
    width = static_cast<int>(image.shape[3]);
  }
  /// Sets the walk over `channels` of each position. On either side.
  constexpr void set_walk(TapAxis along_height, TapAxis along_width, int channels) {
    vertical = along_height;
    horizontal = along_width;
    const auto positive = [](int n) { return n > 0 ? n : 1; };
    taps = channels_first ? Digits(positive(vertical.count), positive(horizontal.count))
                          : Digits(positive(horizontal.count), positive(channels));
  }

  /// What a position or a tap adds to an element's place: (y, x) in the image, offset in memory.
  struct Place {
    std::int64_t offset;
    int y, x;
  };
  using Line = Place;
  using Step = Place;
  static constexpr int outside = -(1 << 30);

  __device__ Place position(int i) const {
    const Digits::Values at = positions.split(static_cast<std::uint32_t>(i));
    const int y = at.at[1] * vertical.scale + vertical.origin;
    const int x = at.at[2] * horizontal.scale + horizontal.origin;
    return {at.at[0] * strides.n + y * strides.h + x * strides.w, y, x};
  }
  __device__ Place tap(int k) const {
    const Digits::Values at = taps.split(static_cast<std::uint32_t>(k));
    const int c = channels_first ? at.at[0] : at.at[2];
    const int y = (channels_first ? at.at[1] : at.at[0]) * vertical.step;
    const int x = (channels_first ? at.at[2] : at.at[1]) * horizontal.step;
    return {c * strides.c + y * strides.h + x * strides.w, y, x};
  }
  __device__ Line line(int i) const {
    if (i >= lines) return {0, outside, outside};
    return lines_are_positions ? position(i) : tap(i);
  }
  __device__ Step step(int k, int end) const {
    if (k >= end) return {0, outside, outside};
    return lines_are_positions ? tap(k) : position(k);
  }
  __device__ Pack<S, pack> load(const Line& line, const Step& step) const {
    const int y = line.y + step.y, x = line.x + step.x;
    if (y < 0 || y >= height || x < 0 || x >= width) return {};
    return load_pack<pack>(data + line.offset + step.offset);
  }
};

/// True if channels may be read in packs: adjacent, aligned, and no pack reaches into another group.
template <class S>
bool has_packed_channels(const TensorView& image, int channels) {
  const ImageStrides strides(image);
  return strides.c == 1 && is_aligned(image.data, 16) &&
         are_multiples({channels, strides.n, strides.h, strides.w}, pack_size<S>);
}

}  // namespace fornax::cuda
