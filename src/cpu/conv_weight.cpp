#include <algorithm>
#include <optional>
#include <vector>

#include "cpu/conv.h"
#include "cpu/conv_axis.h"
#include "cpu/conv_depthwise.h"
#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"
#include "fornax/base/parallel.h"

// For each tap, dw[c][o] is the sum over pixels of x[pixel under the tap][c] * dy[pixel][o]: a register tile
// of input channels x output channels whose reduction runs over pixels. A block of pixels of dy is packed
// into panels of output channels and stays in the second-level cache while all taps and input channels use
// it. The pixels that a tap may use (the others read padding) form runs along the rows. Where maps are narrow
// and images many, runs go along the images, and x is copied into that order, so that maps of 2 x 2 have long
// runs too. Images of few channels are padded once, and the taps of a kernel row count as channels. Long sums
// are cut into slabs, each with sums of its own, added up in order.
namespace fornax::cpu {
namespace {

using Index = std::int64_t;
constexpr Index block_pixels = 192, block_channels = 256, block_outputs = 256;
constexpr Index strip = 96;  // channels of x packed together: a multiple of a tile's rows and of a register
constexpr Index wanted_tasks = 32, least_blocks_per_slab = 4;
constexpr Index narrow_map = 14, least_images_in_a_run = 8, most_images_in_a_run = 32;
constexpr Index most_channels_in_place = 512;  // beyond it pixels meet in the same cache sets
constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// The output pixels that may use a tap, and the source of pixel (0, 0).
struct Tap {
  Index slot;  // of its sums
  Index y, x;
  ConvRange rows, columns;
};

/// Images and rows of the output.
struct Block {
  ConvRange images, rows;
};

template <class T>
class WeightGradient {
 public:
  WeightGradient(const ConvShape& shape, const T* dy, const T* x, const ConvWeight<T>& dw)
      : shape_(shape), s_(shape), dy_(dy), x_(x), dw_(dw) {}

  void run() {
    view_source();
    list_taps();
    cut();
    const Index group_size = slots_ * channels_ * outputs_, slab_size = s_.groups * group_size;
    const Scratch sums = Scratch::of<T>(slabs_ * slab_size);
    const Index channel_blocks = divide_up(channels_, channel_block_),
                output_blocks = divide_up(outputs_, output_block_);
    const Index per_slab = s_.groups * channel_blocks * output_blocks;
    parallel_for(0, slabs_ * per_slab, 1, [&](Index first, Index last) {
      const Scratch panels = Scratch::of<T>(panel_count(output_block_, tile_.columns) * panel_size_);
      const Scratch pixels =
          Scratch::of<T>(in_place_ ? 0 : most_source_pixels() * panel_count(channel_block_, strip) * strip);
      for (Index i = first; i < last; ++i) {
        const Index slab = i / per_slab, g = i / (channel_blocks * output_blocks) % s_.groups;
        const Index c = i / output_blocks % channel_blocks * channel_block_,
                    o = i % output_blocks * output_block_;
        sum_slab(slab, g, {c, std::min(c + channel_block_, channels_)},
                 {o, std::min(o + output_block_, outputs_)}, sums.as<T>() + slab * slab_size + g * group_size,
                 panels.as<T>(), pixels.as<T>());
      }
    });
    add_slabs(sums.as<T>(), slab_size);
    for (Index g = 0; g < s_.groups; ++g) store(g, sums.as<T>() + g * group_size);
  }

 private:
  /// Chooses how x is read; s_ becomes the shape of the convolution that is then computed.
  void view_source() {
    column_ = s_.ic;
    row_ = s_.iw * s_.ic;
    image_ = s_.ih * row_;
    channels_ = s_.ic / s_.groups;
    outputs_ = s_.oc / s_.groups;
    const bool pointwise = s_.kh == 1 && s_.kw == 1 && s_.padding == Pair(0);
    if (pointwise) {  // every stride-th pixel; all images are one tall one if that is every pixel
      const bool every = s_.stride == Pair(1);
      row_ *= s_.stride.h;
      column_ *= s_.stride.w;
      s_.stride = 1;
      s_.ih = s_.oh;
      s_.iw = s_.ow;
      if (every) {
        s_.ih = s_.oh = s_.n * s_.oh * s_.ow;
        s_.n = s_.iw = s_.ow = 1;
        row_ = column_;
      }
    } else if (s_.groups == 1 && s_.ic < 2 * tile_.rows && s_.kw > 1 && s_.dilation.w == 1) {
      pad_source();
    }
    along_images_ = !padded_ && s_.ow < narrow_map && s_.n >= least_images_in_a_run;
    in_place_ = padded_ || (pointwise && !along_images_ && column_ <= most_channels_in_place);
    a_step_ = along_images_ ? strip : s_.stride.w * (in_place_ ? column_ : strip);
  }

  void pad_source() {
    const Index padding = s_.padding.w, width = s_.iw + 2 * padding, channels = s_.ic;
    padded_.emplace(Scratch::of<T>(s_.n * s_.ih * width * channels));
    T* to = padded_->template as<T>();
    parallel_for(0, s_.n * s_.ih, 64, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        T* row = std::fill_n(to + i * width * channels, padding * channels, T(0));
        row = std::copy_n(x_ + i * s_.iw * channels, s_.iw * channels, row);
        std::fill_n(row, padding * channels, T(0));
      }
    });
    x_ = to;
    row_ = width * channels;
    image_ = s_.ih * row_;
    channels_ = s_.kw * channels;
    s_.iw = width;
    s_.padding.w = 0;
    s_.kw = 1;
  }

  /// Taps that no pixel uses get a slot only if all of them have one.
  void list_taps() {
    every_tap_has_a_slot_ = dw_.ic != 1 || padded_;
    for (Index u = 0; u < s_.kh; ++u) {
      for (Index v = 0; v < s_.kw; ++v) {
        const Index y = u * s_.dilation.h - s_.padding.h, x = v * s_.dilation.w - s_.padding.w;
        const ConvRange rows = conv_targets(s_.oh, s_.ih, s_.stride.h, y);
        const ConvRange columns = padded_ ? ConvRange{0, s_.ow} : conv_targets(s_.ow, s_.iw, s_.stride.w, x);
        const bool live = rows.size() > 0 && columns.size() > 0;
        if (live) taps_.push_back({slots_, y, x, rows, columns});
        if (live || every_tap_has_a_slot_) ++slots_;
      }
    }
  }

  /// Cuts pixels into blocks, blocks into slabs, channels and outputs into blocks: all by shape.
  void cut() {
    const auto even = [](Index count, Index most, Index unit) {
      return divide_up(divide_up(count, std::max<Index>(divide_up(count, most), 1)), unit) * unit;
    };
    channel_block_ = std::max<Index>(even(channels_, block_channels, strip), strip);
    output_block_ = std::max<Index>(even(outputs_, block_outputs, tile_.columns), tile_.columns);
    if (along_images_) {
      images_ = even(s_.n, most_images_in_a_run, 1);
      rows_ = std::clamp<Index>(block_pixels / (s_.ow * images_), 1, s_.oh);
    } else {
      rows_ = std::clamp<Index>(block_pixels / s_.ow, 1, s_.oh);
      images_ = rows_ < s_.oh ? 1 : std::max<Index>(1, block_pixels / (s_.oh * s_.ow));
    }
    panel_size_ = images_ * rows_ * s_.ow * tile_.columns;
    blocks_ = divide_up(s_.n, images_) * divide_up(s_.oh, rows_);
    const Index tasks = s_.groups * divide_up(channels_, channel_block_) * divide_up(outputs_, output_block_);
    slabs_ = std::clamp<Index>(divide_up(wanted_tasks, std::max<Index>(tasks, 1)), 1,
                               std::max<Index>(blocks_ / least_blocks_per_slab, 1));
  }

  Block block(Index i) const {
    const Index row_blocks = divide_up(s_.oh, rows_), n = i / row_blocks * images_,
                y = i % row_blocks * rows_;
    return {{n, std::min(n + images_, s_.n)}, {y, std::min(y + rows_, s_.oh)}};
  }

  ConvRange source_rows(const Block& b) const {
    const Index begin = b.rows.begin * s_.stride.h - s_.padding.h;
    const Index end = (b.rows.end - 1) * s_.stride.h - s_.padding.h + (s_.kh - 1) * s_.dilation.h + 1;
    return overlap({begin, end}, {0, s_.ih});
  }
  Index most_source_pixels() const {
    return std::min(s_.ih, (rows_ - 1) * s_.stride.h + (s_.kh - 1) * s_.dilation.h + 1) * s_.iw * images_;
  }

  /// dy's outputs of a block's pixels, in the order of its runs.
  void pack_outputs(const Block& b, Index first_output, Index count, T* panels) const {
    const Index V = tile_.columns, height = b.rows.size(), images = b.images.size();
    const T* from = dy_ + ((b.images.begin * s_.oh + b.rows.begin) * s_.ow) * s_.oc + first_output;
    const auto pack = [&](const T* pixel, Index step, Index at, Index pixels) {
      pack_(pixel, step, pixels, count, panels + at * V, V, panel_size_);
    };
    if (along_images_) {
      for (Index i = 0; i < height * s_.ow; ++i)
        pack(from + i * s_.oc, s_.oh * s_.ow * s_.oc, i * images, images);
    } else {
      pack(from, s_.oc, 0, images * height * s_.ow);
    }
  }

  /// x's channels under a block, in strips of [pixel][channel]. Pixels are in the order of the runs:
  /// [row][column][image] or [image][row][column].
  void pack_source(const Block& b, const T* from, Index channels, T* to) const {
    const ConvRange rows = source_rows(b);
    const Index images = b.images.size(), strip_size = images * rows.size() * s_.iw * strip;
    from += b.images.begin * image_ + rows.begin * row_;
    const auto pack = [&](Index offset, Index step, Index pixels) {
      pack_(from + offset, step, pixels, channels, to, strip, strip_size);
      to += pixels * strip;
    };
    if (along_images_) {
      for (Index y = 0; y < rows.size(); ++y) {
        for (Index x = 0; x < s_.iw; ++x) pack(y * row_ + x * column_, image_, images);
      }
    } else if (row_ == s_.iw * column_) {
      for (Index n = 0; n < images; ++n) pack(n * image_, column_, rows.size() * s_.iw);
    } else {
      for (Index n = 0; n < images; ++n) {
        for (Index y = 0; y < rows.size(); ++y) pack(n * image_ + y * row_, column_, s_.iw);
      }
    }
  }

  /// The pixels of a block that use a tap.
  void find_runs(const Block& b, const Tap& tap, std::vector<Run>& runs) const {
    runs.clear();
    const ConvRange rows = overlap(b.rows, tap.rows), columns = tap.columns, source = source_rows(b);
    const Index images = b.images.size(), V = tile_.columns;
    const auto add = [&](Index a, Index pixel, Index length) {
      if (!runs.empty()) {
        Run& last = runs.back();
        if (last.a + last.length * a_step_ == a && last.b + last.length * V == pixel * V) {
          last.length += length;
          return;
        }
      }
      runs.push_back({a, pixel * V, length});
    };
    for (Index y = rows.begin; along_images_ && y < rows.end; ++y) {
      for (Index x = columns.begin; x < columns.end; ++x) {
        const Index from = (y * s_.stride.h + tap.y - source.begin) * s_.iw + x * s_.stride.w + tap.x;
        add(from * images * strip, ((y - b.rows.begin) * s_.ow + x) * images, images);
      }
    }
    if (along_images_) return;
    const Index column = in_place_ ? column_ : strip, row = in_place_ ? row_ : s_.iw * strip;
    const Index image = in_place_ ? image_ : source.size() * row;
    const Index start = in_place_ ? b.images.begin * image_ : -source.begin * row;
    for (Index n = 0; n < images; ++n) {
      for (Index y = rows.begin; y < rows.end; ++y) {
        add(start + n * image + (y * s_.stride.h + tap.y) * row +
                (columns.begin * s_.stride.w + tap.x) * column,
            (n * b.rows.size() + y - b.rows.begin) * s_.ow + columns.begin, columns.size());
      }
    }
  }

  /// One slab's sums of one group for a block of channels and outputs.
  void sum_slab(Index slab, Index group, ConvRange channels, ConvRange outputs, T* sums, T* panels,
                T* pixels) const {
    for (Index slot = 0; slot < slots_; ++slot) {
      for (Index c = channels.begin; c < channels.end; ++c) {
        std::fill_n(sums + (slot * channels_ + c) * outputs_ + outputs.begin, outputs.size(), T(0));
      }
    }
    const T* source = x_ + group * channels_ + channels.begin;
    std::vector<Run> runs;
    std::vector<const T*> a(static_cast<std::size_t>(channels.size()));
    std::vector<T*> rows(a.size());
    for (Index i = slab * blocks_ / slabs_; i < (slab + 1) * blocks_ / slabs_; ++i) {
      const Block b = block(i);
      pack_outputs(b, group * outputs_ + outputs.begin, outputs.size(), panels);
      if (!in_place_) pack_source(b, source, channels.size(), pixels);
      const Index strip_size = b.images.size() * source_rows(b).size() * s_.iw * strip;
      for (Index c = 0; c < channels.size(); ++c) {
        a[static_cast<std::size_t>(c)] = in_place_ ? source + c : pixels + c / strip * strip_size + c % strip;
      }
      for (const Tap& tap : taps_) {
        find_runs(b, tap, runs);
        if (runs.empty()) continue;
        T* sum = sums + (tap.slot * channels_ + channels.begin) * outputs_ + outputs.begin;
        for (T*& row : rows) {
          row = sum;
          sum += outputs_;
        }
        tile_.run({.a = a.data(),
                   .c = rows.data(),
                   .b = panels,
                   .a_step = a_step_,
                   .b_step = tile_.columns,
                   .b_panel = panel_size_,
                   .runs = runs.data(),
                   .run_count = static_cast<int>(runs.size()),
                   .rows = channels.size(),
                   .columns = outputs.size(),
                   .start = rows.data(),
                   .panels_stay = true});
      }
    }
  }

  void add_slabs(T* sums, Index size) const {
    if (slabs_ == 1) return;
    parallel_for(0, size, 16384, [&](Index first, Index last) {
      for (Index slab = 1; slab < slabs_; ++slab) {
        const T* other = sums + slab * size;
        for (Index i = first; i < last; ++i) sums[i] += other[i];
      }
    });
  }

  /// Turns the sums [slot][channel][output] of a group into its part of dw.
  void store(Index group, const T* sums) const {
    const Index taps = shape_.kh * shape_.kw, channels = shape_.ic / shape_.groups;
    T* to = dw_.data + group * outputs_ * dw_.oc;
    if (dw_.ic != 1) {  // the taps are adjacent
      parallel_for(0, channels, 1 + 16384 / (outputs_ * taps + 1), [&](Index first, Index last) {
        for (Index c = first; c < last; ++c) {
          copy_(sums + c * outputs_, 1, channels * outputs_, to + c * dw_.ic, dw_.oc, outputs_, taps);
        }
      });
      return;
    }
    std::vector<Index> slot_of(static_cast<std::size_t>(taps), -1);
    if (every_tap_has_a_slot_) {
      for (Index t = 0; t < taps; ++t) slot_of[static_cast<std::size_t>(t)] = t;
    }
    for (const Tap& tap : taps_) {
      if (every_tap_has_a_slot_) break;
      const Index u = (tap.y + s_.padding.h) / s_.dilation.h, v = (tap.x + s_.padding.w) / s_.dilation.w;
      slot_of[static_cast<std::size_t>(u * shape_.kw + v)] = tap.slot;
    }
    constexpr Index outputs_at_once = 16;
    const Index pieces = divide_up(outputs_, outputs_at_once);
    parallel_for(
        0, taps * pieces, 1 + 16384 / (outputs_at_once * channels + 1), [&](Index first, Index last) {
          for (Index i = first; i < last; ++i) {
            const Index tap = i / pieces, o = i % pieces * outputs_at_once,
                        rows = std::min(outputs_at_once, outputs_ - o);
            const Index slot = slot_of[static_cast<std::size_t>(tap)];
            T* part = to + o * dw_.oc + tap / shape_.kw * dw_.kh + tap % shape_.kw * dw_.kw;
            if (slot >= 0) {
              copy_(sums + slot * channels * outputs_ + o, 1, outputs_, part, dw_.oc, rows, channels);
            } else {
              for (Index r = 0; r < rows; ++r) std::fill_n(part + r * dw_.oc, channels, T(0));
            }
          }
        });
  }

  const TileKernels<T>& tile_ = tile_kernels<T>();
  const Copy copy_ = copy_to_compute(dtype_of<T>);
  const Pack pack_ = pack_to_compute(dtype_of<T>);
  const ConvShape shape_;
  ConvShape s_;
  const T* dy_;
  const T* x_;
  const ConvWeight<T> dw_;
  std::optional<Scratch> padded_;
  Index channels_ = 0, outputs_ = 0, image_ = 0, row_ = 0, column_ = 0, a_step_ = 0;
  bool along_images_ = false, in_place_ = false, every_tap_has_a_slot_ = false;
  std::vector<Tap> taps_;
  Index slots_ = 0, images_ = 0, rows_ = 0, panel_size_ = 0, blocks_ = 0, slabs_ = 0;
  Index channel_block_ = 0, output_block_ = 0;
};

}  // namespace

template <class T>
void conv_grad_weight(const ConvShape& shape, const T* dy, const T* x, const ConvWeight<T>& dw) {
  if (is_depthwise(shape)) return depthwise_grad_weight(shape, dy, x, dw);
  WeightGradient<T>(shape, dy, x, dw).run();
}

template void conv_grad_weight(const ConvShape&, const float*, const float*, const ConvWeight<float>&);
template void conv_grad_weight(const ConvShape&, const double*, const double*, const ConvWeight<double>&);

}  // namespace fornax::cpu
