#pragma once

#include <cstdint>
#include <vector>

#include "cpu/scratch.h"
#include "data/region.h"
#include "data/resample.h"

namespace fornax::data {

/// One axis of a resize: `length` source pixels from `begin` on become `size` ones, of which `count` from
/// `first` on are wanted. Source pixels outside do not count.
struct ResizeAxis {
  std::int64_t begin = 0, length = 0, size = 0, first = 0, count = 0;
};
/// What is made of an image.
struct ResizeView {
  ResizeAxis rows, columns;
  bool mirrored = false;
};

/// Which source pixels make each pixel of an axis, by which weights: Pillow's bilinear filter, as wide as the
/// steps from pixel to pixel where an axis shrinks, in integers as Pillow has them.
class AxisWeights {
 public:
  /// For a source that is there at eighths/8 of its size.
  AxisWeights(const ResizeAxis& axis, int eighths);

  /// The source pixels that are needed.
  std::int64_t begin() const { return begin_; }
  std::int64_t length() const { return length_; }
  /// Counts from begin().
  cpu::ResampleAxis view() const;

 private:
  std::int64_t begin_ = 0, length_ = 0, most_ = 0;
  std::int32_t longest_ = 0;
  std::vector<std::int32_t> firsts_, lengths_, weights_;
};

/// Resizes an image that comes row by row: first across, then down, rounding to bytes in between.
class Resizer {
 public:
  Resizer(const ResizeView& view, std::int64_t channels, int eighths = 8);

  /// What is needed of the image, which is there at eighths/8 of its size.
  Region source() const { return {rows_.begin(), columns_.begin(), rows_.length(), columns_.length()}; }
  /// The next row of source(), from its first column on.
  void add(const std::uint8_t* row);
  /// When all rows came: writes the view, [rows.count, columns.count, channels].
  void write(std::uint8_t* pixels) const;

 private:
  const cpu::ResampleKernels& kernels_;
  AxisWeights rows_, columns_;
  bool mirrored_;
  std::int64_t channels_, width_;  ///< width_: bytes of a row of the view
  std::int64_t added_ = 0;
  cpu::Scratch across_;  ///< u8 [rows_.length(), width_]
};

/// The lowest of 1, 2, 4 and 8 for which the image at that many eighths of its size gives the view without
/// being enlarged more than it would be at its own size.
int fewest_eighths(const ResizeView& view);

}  // namespace fornax::data
