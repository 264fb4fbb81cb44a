#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "cpu/conv.h"
#include "cpu/conv_axis.h"
#include "cpu/conv_depthwise.h"
#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"
#include "fornax/base/parallel.h"

// For each tap, dw[o][c] is the sum over pixels of dy[pixel][o] * x[pixel under the tap][c]: a register tile
// of output channels x input channels whose reduction runs over pixels, and whose sums go straight into a
// channels_last dw. A block of pixels is packed, x into panels of input channels, dy into strips of output
// channels, and stays in the second-level cache while all taps use it. The pixels that a tap may use (the
// others read padding) form runs along the rows. Where maps are narrow and images many, runs go along the
// images, so that maps of 2 x 2 have long runs too. Images of few channels are padded once, and the taps of a
// kernel row count as channels. Long sums are cut into slabs, each with sums of its own, added up in order.
namespace fornax::cpu {
namespace {

using Index = std::int64_t;
constexpr Index block_pixels = 192, block_channels = 256, block_outputs = 256;
constexpr Index wanted_tasks = 32, least_tasks = 8, least_blocks_per_slab = 4;
constexpr Index most_sums = 1 << 20;  // of all slabs: they should stay in the cache
constexpr Index narrow_map = 14, least_images_in_a_run = 8, usual_images_in_a_run = 32;
constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// The output pixels that may use a tap, and the source of pixel (0, 0).
struct Tap {
  Index u, v;  // in the kernel
  Index y, x;
  ConvRange rows, columns;
};

/// Images and rows of the output.
struct Block {
  ConvRange images, rows;
};

/// Pixels of images and the distances between them, in elements.
template <class T>
struct Pixels {
  const T* first;
  Index image, row, column;
  Index images, rows, columns;
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
    const bool in_place = dw_.ic == 1 && (!padded_ || dw_.kw == shape_.ic);
    const Index size = shape_.oc * shape_.ic / shape_.groups * shape_.kh * shape_.kw;
    const Scratch scratch = Scratch::of<T>((in_place ? slabs_ - 1 : slabs_) * size);
    std::vector<ConvWeight<T>> sums;
    if (in_place) sums.push_back(dw_);
    for (T* own = scratch.as<T>(); std::ssize(sums) < slabs_; own += size) sums.push_back(channels_last(own));
    const Index channel_blocks = divide_up(channels_, channel_block_),
                output_blocks = divide_up(outputs_, output_block_);
    const Index per_slab = s_.groups * channel_blocks * output_blocks;
    parallel_for(0, slabs_ * per_slab, 1, [&](Index first, Index last) {
      const Scratch panels =
          Scratch::of<T>(padded_ ? 0 : panel_count(channel_block_, tile_.columns) * panel_size_);
      const Scratch strips = Scratch::of<T>(panel_count(output_block_, strip_) * strip_size_);
      for (Index i = first; i < last; ++i) {
        const Index slab = i / per_slab, g = i / (channel_blocks * output_blocks) % s_.groups;
        const Index c = i / output_blocks % channel_blocks * channel_block_,
                    o = g * outputs_ + i % output_blocks * output_block_;
        sum_slab(slab, g * channels_, {c, std::min(c + channel_block_, channels_)},
                 {o, std::min(o + output_block_, (g + 1) * outputs_)}, sums[static_cast<std::size_t>(slab)],
                 panels.as<T>(), strips.as<T>());
      }
    });
    add_slabs(sums);
    if (!in_place) store(sums.front());
  }

 private:
  ConvWeight<T> channels_last(T* data) const {
    const Index channels = shape_.ic / shape_.groups;
    return {data, shape_.kh * shape_.kw * channels, 1, shape_.kw * channels, channels};
  }

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
    b_step_ = along_images_ ? tile_.columns : s_.stride.w * (padded_ ? column_ : tile_.columns);
  }

  void pad_source() {
    const Index padding = s_.padding.w, width = s_.iw + 2 * padding, channels = s_.ic;
    const Index size = s_.n * s_.ih * width * channels;
    padded_.emplace(Scratch::of<T>(size + tile_.columns));
    T* to = padded_->template as<T>();
    parallel_for(0, s_.n * s_.ih, 64, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        T* row = std::fill_n(to + i * width * channels, padding * channels, T(0));
        row = std::copy_n(x_ + i * s_.iw * channels, s_.iw * channels, row);
        std::fill_n(row, padding * channels, T(0));
      }
    });
    std::fill_n(to + size, tile_.columns, T(0));  // the last pixel's last register reads on
    x_ = to;
    row_ = width * channels;
    image_ = s_.ih * row_;
    channels_ = s_.kw * channels;
    s_.iw = width;
    s_.padding.w = 0;
    s_.kw = 1;
  }

  void list_taps() {
    for (Index u = 0; u < s_.kh; ++u) {
      for (Index v = 0; v < s_.kw; ++v) {
        const Index y = u * s_.dilation.h - s_.padding.h, x = v * s_.dilation.w - s_.padding.w;
        taps_.push_back({u, v, y, x, conv_targets(s_.oh, s_.ih, s_.stride.h, y),
                         padded_ ? ConvRange{0, s_.ow} : conv_targets(s_.ow, s_.iw, s_.stride.w, x)});
      }
    }
  }

  /// Cuts pixels into blocks, blocks into slabs, channels and outputs into blocks: all by shape.
  void cut() {
    const auto even = [](Index count, Index most, Index unit) {
      return std::max(divide_up(divide_up(count, divide_up(std::max<Index>(count, 1), most)), unit) * unit,
                      unit);
    };
    channel_block_ = even(channels_, block_channels, tile_.columns);
    output_block_ = even(outputs_, block_outputs, strip_);
    if (along_images_) {
      images_ = even(s_.n, std::max(usual_images_in_a_run, block_pixels / (s_.oh * s_.ow)), 1);
      rows_ = std::clamp<Index>(block_pixels / (s_.ow * images_), 1, s_.oh);
    } else {
      rows_ = std::clamp<Index>(block_pixels / s_.ow, 1, s_.oh);
      images_ = rows_ < s_.oh ? 1 : std::max<Index>(1, block_pixels / (s_.oh * s_.ow));
    }
    const Index source_rows = std::min(s_.ih, (rows_ - 1) * s_.stride.h + (s_.kh - 1) * s_.dilation.h + 1);
    panel_size_ = images_ * source_rows * s_.iw * tile_.columns;
    strip_size_ = images_ * rows_ * s_.ow * strip_;
    blocks_ = divide_up(s_.n, images_) * divide_up(s_.oh, rows_);
    const Index size = std::max<Index>(s_.oc * channels_ * std::ssize(taps_), 1);
    const auto tasks = [&] {
      return std::max<Index>(
          s_.groups * divide_up(channels_, channel_block_) * divide_up(outputs_, output_block_), 1);
    };
    slabs_ =
        std::clamp<Index>(divide_up(wanted_tasks, tasks()), 1,
                          std::max<Index>(std::min(blocks_ / least_blocks_per_slab, most_sums / size), 1));
    // Every task packs its channels and its outputs: more pieces of the one pack the other more often.
    const Index pieces = divide_up(least_tasks, slabs_ * tasks());
    const auto split = [&](Index& block, Index count, Index unit) {
      block = even(count, std::max(block / pieces, unit), unit);
    };
    if (channels_ > outputs_)
      split(channel_block_, channels_, tile_.columns);
    else
      split(output_block_, outputs_, strip_);
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

  /// Packs channels of pixels into panels of [pixel][channel]. Pixels are in the order of the runs:
  /// [row][column][image] or [image][row][column].
  void pack(const Pixels<T>& p, Index channels, T* to, Index width, Index panel_size) const {
    const auto stretch = [&](const T* pixel, Index step, Index count) {
      pack_(pixel, step, count, channels, to, width, panel_size);
      to += count * width;
    };
    if (along_images_) {
      for (Index y = 0; y < p.rows; ++y) {
        for (Index x = 0; x < p.columns; ++x) stretch(p.first + y * p.row + x * p.column, p.image, p.images);
      }
      return;
    }
    const bool dense = p.row == p.columns * p.column;
    const Index stretches = dense ? 1 : p.rows, pixels = dense ? p.rows * p.columns : p.columns;
    for (Index n = 0; n < p.images; ++n) {
      for (Index y = 0; y < stretches; ++y) stretch(p.first + n * p.image + y * p.row, p.column, pixels);
    }
  }

  /// The pixels of a block that use a tap.
  void find_runs(const Block& b, const Tap& tap, std::vector<Run>& runs) const {
    runs.clear();
    const ConvRange rows = overlap(b.rows, tap.rows), columns = tap.columns, source = source_rows(b);
    const Index images = b.images.size(), V = tile_.columns;
    const auto add = [&](const Run& run) {
      if (!runs.empty()) {
        Run& last = runs.back();
        if (last.a + last.length * strip_ == run.a && last.b + last.length * b_step_ == run.b) {
          last.length += run.length;
          return;
        }
      }
      runs.push_back(run);
    };
    if (along_images_) {
      for (Index y = rows.begin; y < rows.end; ++y) {
        for (Index x = columns.begin; x < columns.end; ++x) {
          const Index from = (y * s_.stride.h + tap.y - source.begin) * s_.iw + x * s_.stride.w + tap.x;
          add({((y - b.rows.begin) * s_.ow + x) * images * strip_, from * images * V, images});
        }
      }
      return;
    }
    const Index column = padded_ ? column_ : V, row = padded_ ? row_ : s_.iw * V;
    const Index image = padded_ ? image_ : source.size() * row;
    const Index start = padded_ ? b.images.begin * image_ : -source.begin * row;
    for (Index n = 0; n < images && columns.size() > 0; ++n) {
      for (Index y = rows.begin; y < rows.end; ++y) {
        add({((n * b.rows.size() + y - b.rows.begin) * s_.ow + columns.begin) * strip_,
             start + n * image + (y * s_.stride.h + tap.y) * row +
                 (columns.begin * s_.stride.w + tap.x) * column,
             columns.size()});
      }
    }
  }

  /// One slab's sums for a block of a group's channels, the first of which is x's `first_channel`, and a
  /// block of outputs.
  void sum_slab(Index slab, Index first_channel, ConvRange channels, ConvRange outputs,
                const ConvWeight<T>& sums, T* panels, T* strips) const {
    const auto row = [&](const Tap& tap, Index output) {
      return sums.data + output * sums.oc + tap.u * sums.kh + tap.v * sums.kw + channels.begin;
    };
    std::vector<Run> runs;
    std::vector<const T*> a(static_cast<std::size_t>(outputs.size()));
    for (Index o = 0; o < outputs.size(); ++o)
      a[static_cast<std::size_t>(o)] = strips + o / strip_ * strip_size_ + o % strip_;
    std::vector<T*> rows(a.size());
    std::vector<bool> started(taps_.size());
    for (Index i = slab * blocks_ / slabs_; i < (slab + 1) * blocks_ / slabs_; ++i) {
      const Block b = block(i);
      const ConvRange source = source_rows(b);
      const T* x = x_ + first_channel + channels.begin;
      const T* dy = dy_ + (b.images.begin * s_.oh + b.rows.begin) * s_.ow * s_.oc + outputs.begin;
      if (!padded_) {
        pack({x + b.images.begin * image_ + source.begin * row_, image_, row_, column_, b.images.size(),
              source.size(), s_.iw},
             channels.size(), panels, tile_.columns, panel_size_);
      }
      pack({dy, s_.oh * s_.ow * s_.oc, s_.ow * s_.oc, s_.oc, b.images.size(), b.rows.size(), s_.ow},
           outputs.size(), strips, strip_, strip_size_);
      for (std::size_t t = 0; t < taps_.size(); ++t) {
        find_runs(b, taps_[t], runs);
        if (runs.empty()) continue;
        for (std::size_t o = 0; o < rows.size(); ++o)
          rows[o] = row(taps_[t], outputs.begin + static_cast<Index>(o));
        tile_.run({.a = a.data(),
                   .c = rows.data(),
                   .b = padded_ ? x : panels,
                   .a_step = strip_,
                   .b_step = b_step_,
                   .b_panel = padded_ ? tile_.columns : panel_size_,
                   .runs = runs.data(),
                   .run_count = static_cast<int>(runs.size()),
                   .rows = outputs.size(),
                   .columns = channels.size(),
                   .start = started[t] ? rows.data() : nullptr,
                   .panels_stay = true});
        started[t] = true;
      }
    }
    for (std::size_t t = 0; t < taps_.size(); ++t) {  // taps that no pixel uses
      for (Index o = outputs.begin; !started[t] && o < outputs.end; ++o)
        std::fill_n(row(taps_[t], o), channels.size(), T(0));
    }
  }

  /// Adds the others' sums to the first's.
  void add_slabs(const std::vector<ConvWeight<T>>& slabs) const {
    const Index taps = std::ssize(taps_);
    parallel_for(0, slabs_ > 1 ? s_.oc * taps : 0, 1 + 16384 / (channels_ + 1), [&](Index first, Index last) {
      for (std::size_t slab = 1; slab < slabs.size(); ++slab) {
        for (Index i = first; i < last; ++i) {
          const Tap& tap = taps_[static_cast<std::size_t>(i % taps)];
          const auto row = [&](const ConvWeight<T>& w) {
            return w.data + i / taps * w.oc + tap.u * w.kh + tap.v * w.kw;
          };
          T* to = row(slabs.front());
          const T* from = row(slabs[slab]);
          for (Index c = 0; c < channels_; ++c) to[c] += from[c];
        }
      }
    });
  }

  /// Turns channels_last sums into a dw whose taps are adjacent.
  void store(const ConvWeight<T>& sums) const {
    const Index taps = shape_.kh * shape_.kw, channels = shape_.ic / shape_.groups;
    parallel_for(0, shape_.oc, 1 + 16384 / (channels * taps + 1), [&](Index first, Index last) {
      for (Index o = first; o < last; ++o) {
        copy_(sums.data + o * sums.oc, 1, channels, dw_.data + o * dw_.oc, dw_.ic, channels, taps);
      }
    });
  }

  const TileKernels<T>& tile_ = tile_kernels<T>();
  const Copy copy_ = copy_to_compute(dtype_of<T>);
  const Pack pack_ = pack_to_compute(dtype_of<T>);
  const Index strip_ = std::lcm(tile_.rows, tile_.lanes);  // channels of dy packed together
  const ConvShape shape_;
  ConvShape s_;
  const T* dy_;
  const T* x_;
  const ConvWeight<T> dw_;
  std::optional<Scratch> padded_;
  Index channels_ = 0, outputs_ = 0, image_ = 0, row_ = 0, column_ = 0, b_step_ = 0;
  bool along_images_ = false;
  std::vector<Tap> taps_;
  Index images_ = 0, rows_ = 0, panel_size_ = 0, strip_size_ = 0, blocks_ = 0, slabs_ = 0;
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
