#include <algorithm>
#include <vector>

#include "cpu/conv.h"
#include "cpu/conv_axis.h"
#include "cpu/conv_depthwise.h"
#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "cpu/tile.h"
#include "fornax/base/parallel.h"

// Forward and gradient of the input are one computation: every target pixel gathers source pixels, tap by
// tap, times the weight of the tap. The pixels of a product of two classes (conv_axis.h) share their taps,
// whatever row or image they lie in, so six of them make a register tile: the narrow maps late in a network
// run at the speed of wide ones. Weights are packed once per call as [panel of columns][tap][depth][column].
// Taps that lie next to each other in memory (a row of the kernel, for dense images) are one run of the
// reduction.
namespace fornax::cpu {
namespace {

using Index = std::int64_t;
constexpr Index longest_stretch = 384, most_pixels = 96;
constexpr Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// Images whose pixels hold the channels of all groups.
template <class T>
struct Images {
  T* data;
  Index height, width, channels;
  Index row() const { return width * channels; }
  Index image() const { return height * width * channels; }
};

/// A weight seen from here: `column` runs over the target's channels of a group, `depth` over the source's.
template <class T>
struct Weights {
  const T* data;
  Index group, column, depth, kh, kw;  // strides
};

template <class T>
class Gather {
 public:
  Gather(Index n, Index groups, Images<const T> source, Images<T> target, ConvAxis rows, ConvAxis columns)
      : n_(n),
        groups_(groups),
        source_(source),
        target_(target),
        rows_(std::move(rows)),
        columns_(std::move(columns)),
        depth_(source.channels / groups),
        width_(target.channels / groups),
        taps_(static_cast<Index>(rows_.live_taps.size() * columns_.live_taps.size())) {}

  void run(const Weights<T>& weights, Pair kernel, const ConvEpilogue<T>& epilogue) {
    const T* const bias = epilogue.bias;
    const Index panels = panel_count(width_, tile_.columns);
    panel_size_ = taps_ * depth_ * tile_.columns;
    const Scratch packed = Scratch::of<T>(groups_ * panels * panel_size_);
    pack(weights, kernel, packed.as<T>());
    const Index padded = panels * tile_.columns;
    const Scratch padded_bias = Scratch::of<T>(bias ? groups_ * padded : 0);
    for (Index g = 0; bias && g < groups_; ++g) {
      T* own = padded_bias.as<T>() + g * padded;
      std::fill(std::copy_n(bias + g * width_, width_, own), own + padded, T(0));
    }
    make_work();
    const Index cost = divide_up(block_pixels_ * block_columns_ * taps_ * depth_, 4);
    const Index column_blocks = divide_up(width_, block_columns_);
    const Index per_piece = std::max<Index>(1, 100'000 / std::max<Index>(cost, 1));
    parallel_for(0, blocks_ * column_blocks * groups_, per_piece, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index block = i / (column_blocks * groups_), g = i / column_blocks % groups_;
        const Index column = i % column_blocks * block_columns_;
        ConvEpilogue<T> own = epilogue;
        if (bias) own.bias = padded_bias.as<T>() + g * padded + column;
        compute(block, g, column, packed.as<T>() + (g * panels + column / tile_.columns) * panel_size_, own);
      }
    });
  }

 private:
  /// The pixels of a row class and a column class, and the stretches of their reduction.
  struct Work {
    const ConvAxis::Class *rows, *columns;
    std::vector<Run> runs;
    std::vector<int> stretches;  // where each begins in runs, and the end
    Index pixels, first_block;
  };

  void pack(const Weights<T>& w, Pair kernel, T* to) const {
    const Copy copy = copy_to_compute(dtype_of<T>);
    const Index panels = panel_count(width_, tile_.columns), V = tile_.columns;
    // A weight whose taps are adjacent is transposed from [column][tap] to [tap][column], one depth at a
    // time.
    const bool taps_adjacent = taps_ > 1 && taps_ == kernel.h * kernel.w && w.kw == 1 && w.kh == kernel.w &&
                               w.depth != 1 && w.column != 1;
    const bool flipped = rows_.descends() || columns_.descends();
    parallel_for(0, groups_ * panels, 1 + 20'000 / (panel_size_ + 1), [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const Index g = i / panels, column = i % panels * V, filled = std::min(V, width_ - column);
        const T* from = w.data + g * w.group + column * w.column;
        T* panel = to + i * panel_size_;
        if (filled < V) std::fill_n(panel, panel_size_, T(0));
        if (taps_adjacent) {
          const Index step = flipped ? -depth_ * V : depth_ * V;
          T* first_tap = flipped ? panel + (taps_ - 1) * depth_ * V : panel;
          for (Index d = 0; d < depth_; ++d) {
            copy(from + d * w.depth, 1, w.column, first_tap + d * V, step, taps_, filled);
          }
          continue;
        }
        for (const Index u : rows_.live_taps) {
          for (const Index v : columns_.live_taps) {
            copy(from + u * w.kh + v * w.kw, w.depth, w.column, panel, V, depth_, filled);
            panel += depth_ * V;
          }
        }
      }
    });
  }

  void make_work() {
    for (const ConvAxis::Class& rows : rows_.classes) {
      for (const ConvAxis::Class& columns : columns_.classes) {
        Work work{
            &rows, &columns, {}, {}, n_ * static_cast<Index>(rows.targets.size() * columns.targets.size()),
            0};
        for (const ConvAxis::Tap& u : rows.taps) {
          for (const ConvAxis::Tap& v : columns.taps) {
            const Index tap = u.live * static_cast<Index>(columns_.live_taps.size()) + v.live;
            add_run(work.runs, {u.shift * source_.row() + v.shift * source_.channels,
                                tap * depth_ * tile_.columns, depth_});
          }
        }
        cut(work);
        work_.push_back(std::move(work));
      }
    }
    // Blocks are large enough to reuse what is cached, small enough to give every thread some. By shape only.
    block_columns_ = 192;  // a multiple of every tile
    block_pixels_ = most_pixels;
    count_blocks();
    if (blocks_ * groups_ * divide_up(width_, block_columns_) < 8) block_columns_ = 64;
    while (blocks_ * groups_ * divide_up(width_, block_columns_) < 8 && block_pixels_ > 4 * tile_.rows) {
      block_pixels_ /= 2;
      count_blocks();
    }
  }

  void count_blocks() {
    blocks_ = 0;
    for (Work& work : work_) {
      work.first_block = blocks_;
      blocks_ += divide_up(work.pixels, block_pixels_);
    }
  }

  void add_run(std::vector<Run>& runs, const Run& run) const {
    if (!runs.empty()) {
      Run& last = runs.back();
      if (last.a + last.length == run.a && last.b + last.length * tile_.columns == run.b) {
        last.length += run.length;
        return;
      }
    }
    runs.push_back(run);
  }

  /// Cuts the runs into stretches of about equal length, each short enough for the cache.
  void cut(Work& work) const {
    Index total = 0;
    for (const Run& run : work.runs) total += run.length;
    const Index stretch = divide_up(total, std::max<Index>(1, divide_up(total, longest_stretch)));
    std::vector<Run> pieces;
    Index filled = 0;
    work.stretches.push_back(0);
    for (Run run : work.runs) {
      while (run.length > 0) {
        if (filled == stretch) {
          work.stretches.push_back(static_cast<int>(pieces.size()));
          filled = 0;
        }
        const Index length = std::min(run.length, stretch - filled);
        pieces.push_back({run.a, run.b, length});
        run = {run.a + length, run.b + length * tile_.columns, run.length - length};
        filled += length;
      }
    }
    work.stretches.push_back(static_cast<int>(pieces.size()));
    work.runs = std::move(pieces);
  }

  /// `epilogue`: its bias is that of these columns.
  void compute(Index block, Index group, Index column, const T* weights,
               const ConvEpilogue<T>& epilogue) const {
    auto next = std::upper_bound(work_.begin(), work_.end(), block,
                                 [](Index b, const Work& work) { return b < work.first_block; });
    const Work& work = *std::prev(next);
    const auto height = static_cast<Index>(work.rows->targets.size()),
               width = static_cast<Index>(work.columns->targets.size());
    const Index first = (block - work.first_block) * block_pixels_,
                last = std::min(first + block_pixels_, work.pixels);
    const T* source = source_.data + group * depth_;
    const Index first_target = group * width_ + column;
    const T *sources[most_pixels], *residuals[most_pixels];
    T* targets[most_pixels];
    Index n = first / (height * width), y = first / width % height, x = first % width;
    for (Index p = 0; p < last - first; ++p) {
      const auto i = static_cast<std::size_t>(y), j = static_cast<std::size_t>(x);
      sources[p] = source + n * source_.image() + work.rows->sources[i] * source_.row() +
                   work.columns->sources[j] * source_.channels;
      const Index target = first_target + n * target_.image() + work.rows->targets[i] * target_.row() +
                           work.columns->targets[j] * target_.channels;
      targets[p] = target_.data + target;
      if (epilogue.residual) residuals[p] = epilogue.residual + target;
      if (++x < width) continue;
      x = 0;
      if (++y < height) continue;
      y = 0;
      ++n;
    }
    Tile<T> tile{.a = sources,
                 .c = targets,
                 .b = weights,
                 .a_step = 1,
                 .b_step = tile_.columns,
                 .b_panel = panel_size_,
                 .rows = last - first,
                 .columns = std::min(block_columns_, width_ - column),
                 .start = epilogue.residual ? residuals : nullptr,
                 .bias = epilogue.bias};
    for (std::size_t s = 0; s + 1 < work.stretches.size(); ++s) {
      tile.runs = work.runs.data() + work.stretches[s];
      tile.run_count = work.stretches[s + 1] - work.stretches[s];
      tile.relu = epilogue.relu && s + 2 == work.stretches.size();
      tile_.run(tile);
      tile.start = targets;
      tile.bias = nullptr;
    }
  }

  const TileKernels<T>& tile_ = tile_kernels<T>();
  const Index n_, groups_;
  const Images<const T> source_;
  const Images<T> target_;
  const ConvAxis rows_, columns_;
  const Index depth_, width_, taps_;
  Index panel_size_ = 0, block_pixels_ = 0, block_columns_ = 0, blocks_ = 0;
  std::vector<Work> work_;
};

}  // namespace

template <class T>
void conv_forward(const ConvShape& s, const T* x, const ConvWeight<const T>& w,
                  const ConvEpilogue<T>& epilogue, T* y) {
  if (is_depthwise(s)) return depthwise_forward(s, x, w, epilogue, y);
  Gather<T>(s.n, s.groups, {x, s.ih, s.iw, s.ic}, {y, s.oh, s.ow, s.oc},
            ConvAxis::forward(s.oh, s.ih, s.kh, s.stride.h, s.padding.h, s.dilation.h),
            ConvAxis::forward(s.ow, s.iw, s.kw, s.stride.w, s.padding.w, s.dilation.w))
      .run({w.data, s.oc / s.groups * w.oc, w.oc, w.ic, w.kh, w.kw}, {s.kh, s.kw}, epilogue);
}

template <class T>
void conv_grad_input(const ConvShape& s, const T* dy, const ConvWeight<const T>& w, T* dx) {
  if (is_depthwise(s)) return depthwise_grad_input(s, dy, w, dx);
  Gather<T>(s.n, s.groups, {dy, s.oh, s.ow, s.oc}, {dx, s.ih, s.iw, s.ic},
            ConvAxis::backward(s.ih, s.oh, s.kh, s.stride.h, s.padding.h, s.dilation.h),
            ConvAxis::backward(s.iw, s.ow, s.kw, s.stride.w, s.padding.w, s.dilation.w))
      .run({w.data, s.oc / s.groups * w.oc, w.ic, w.oc, w.kh, w.kw}, {s.kh, s.kw}, {});
}

template void conv_forward(const ConvShape&, const float*, const ConvWeight<const float>&,
                           const ConvEpilogue<float>&, float*);
template void conv_forward(const ConvShape&, const double*, const ConvWeight<const double>&,
                           const ConvEpilogue<double>&, double*);
template void conv_grad_input(const ConvShape&, const float*, const ConvWeight<const float>&, float*);
template void conv_grad_input(const ConvShape&, const double*, const ConvWeight<const double>&, double*);

}  // namespace fornax::cpu
