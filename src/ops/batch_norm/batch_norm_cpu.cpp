// Policy: dense tensors of either format. Sums are cut into blocks by shape alone, each block is summed as
// batch_norm.isa.cpp says, and blocks are merged in double in their order. Per-channel factors are computed
// in double and rounded once.
#include <algorithm>
#include <cmath>

#include "cpu/scratch.h"
#include "fornax/base/parallel.h"
#include "ops/batch_norm/batch_norm_kernels.h"
#include "ops/batch_norm/batch_norm_op.h"

namespace fornax::ops {
namespace {

using cpu::Gate;
using cpu::NormLines;
using cpu::Scratch;
using Index = std::int64_t;

/// Elements of a piece of parallel work, about.
constexpr Index piece_size = 65536;

Index divide_up(Index a, Index b) { return (a + b - 1) / b; }

/// How x lies in memory: [images, channels, inner], or [lines, channels] if not planar.
struct Layout {
  bool planar;
  Index lines, channels, inner;

  explicit Layout(const TensorView& x) : planar(is_planar(x)), channels(x.size(1)) {
    const Index per_channel = channels == 0 ? 0 : x.numel() / channels;
    lines = planar ? x.size(0) : per_channel;
    inner = planar && x.size(0) > 0 ? per_channel / x.size(0) : 1;
  }
  Index per_channel() const { return lines * inner; }
  Index bytes_of_bits() const { return divide_up(planar ? inner : channels, 8); }
};

bool same_layout(const TensorView& x, std::initializer_list<const TensorView*> others) {
  const bool row_major = x.is_contiguous(), channels_last = x.rank() == 4 && x.is_channels_last();
  const auto fits = [&](auto has_format) {
    return std::ranges::all_of(
        others, [&](const TensorView* other) { return !other->defined() || has_format(*other); });
  };
  return (channels_last && fits([](const TensorView& view) { return view.is_channels_last(); })) ||
         (row_major && fits([](const TensorView& view) { return view.is_contiguous(); }));
}

constexpr dispatch::Refusal not_dense = "takes dense tensors in one format";

/// All lines of x, without per-channel values.
template <class S>
NormLines<S> all_lines(const Layout& layout, const TensorView& x, const TensorView& bits) {
  NormLines<S> whole{};
  whole.lines = layout.lines;
  whole.length = layout.planar ? layout.inner : layout.channels;
  whole.line_stride = layout.channels * layout.inner;
  whole.x = x.ptr<const S>();
  whole.bits = bits.ptr<std::uint8_t>();
  whole.bits_stride = layout.bytes_of_bits() * (layout.planar ? layout.channels : 1);
  return whole;
}

/// The part of `whole` that holds `lines` lines from `line` on, and of each the channels from `channel` on:
/// one channel if planar, else `channels` of them.
template <class S>
NormLines<S> part(const NormLines<S>& whole, const Layout& layout, Index line, Index lines, Index channel,
                  Index channels) {
  NormLines<S> b = whole;
  b.lines = lines;
  if (!layout.planar) b.length = channels;
  const Index at = line * whole.line_stride + channel * layout.inner;
  for (const S** data : {&b.x, &b.residual, &b.dy, &b.more})
    if (*data) *data += at;
  for (S** data : {&b.y, &b.g, &b.dx, &b.dresidual})
    if (*data) *data += at;
  if (b.bits)
    b.bits += line * whole.bits_stride + (layout.planar ? channel * layout.bytes_of_bits() : channel / 8);
  for (auto** values : {&b.mean, &b.scale, &b.bias, &b.slope, &b.offset})
    if (*values) *values += channel;
  return b;
}

/// Per-channel values in the form that the inner loops want; they read them in whole registers.
template <class T>
class ChannelValues {
 public:
  template <class Args>
  ChannelValues(const Args& args, Index channels)
      : step_(divide_up(channels, 64) * 64), values_(Scratch::of<T>(5 * step_)) {
    T* values = values_.as<T>();
    std::fill(values, values + 5 * step_, T(0));
    for (Index c = 0; c < channels; ++c) {
      const double weight =
          args.weight.defined() ? static_cast<double>(args.weight.template ptr<const T>()[c]) : 1;
      const double var = args.var.template ptr<const T>()[c];
      values[c] = args.mean.defined() ? args.mean.template ptr<const T>()[c] : T(0);
      values[step_ + c] = static_cast<T>(weight / std::sqrt(var + args.eps));
      if (args.bias.defined()) values[2 * step_ + c] = args.bias.template ptr<const T>()[c];
    }
  }
  const T* mean() const { return values_.template as<T>(); }
  const T* scale() const { return mean() + step_; }
  const T* bias() const { return mean() + 2 * step_; }
  T* slope() const { return values_.template as<T>() + 3 * step_; }
  T* offset() const { return slope() + step_; }

  template <class S>
  void set(NormLines<S>& lines) const {
    lines.mean = mean();
    lines.scale = scale();
    lines.bias = bias();
  }

 private:
  Index step_;
  Scratch values_;
};

/// How a sum is cut: into blocks of lines, and across the channels. Whole lines where they are long enough to
/// be a stream for the processor, narrower where there would be few pieces.
struct Blocks {
  Index width, across, lines, count;

  explicit Blocks(const Layout& layout) {
    width = layout.planar ? 1 : std::clamp<Index>(layout.channels, 1, cpu::most_channels);
    cut(layout);
    while (count * across < 8 && width > 256) {
      width = divide_up(width, 128) * 64;
      cut(layout);
    }
  }

 private:
  void cut(const Layout& layout) {
    across = divide_up(layout.channels, width);
    lines = std::max<Index>(piece_size / (layout.planar ? std::max<Index>(layout.inner, 1) : width), 1);
    count = divide_up(layout.lines, lines);
  }
};

/// Runs a sum over all lines in blocks; `merge(channel, block, first, second, count)` gets each block's two
/// sums of a channel, blocks in order.
template <class S, class Merge>
void sum_blocks(const NormLines<S>& whole, const Layout& layout,
                void (*sum)(const NormLines<S>&, double*, double*), Merge&& merge) {
  const Blocks blocks(layout);
  const Scratch sums = Scratch::of<double>(2 * blocks.count * layout.channels);
  double *first_sum = sums.as<double>(), *second_sum = first_sum + blocks.count * layout.channels;
  const auto lines_of = [&](Index block) {
    return std::min(blocks.lines, layout.lines - block * blocks.lines);
  };
  const Index cost = std::max<Index>(lines_of(0) * blocks.width * layout.inner, 1);
  parallel_for(0, blocks.count * blocks.across, divide_up(piece_size / 2, cost),
               [&](Index first, Index last) {
                 for (Index i = first; i < last; ++i) {
                   const Index block = i / blocks.across, channel = i % blocks.across * blocks.width;
                   const Index at = block * layout.channels + channel;
                   sum(part(whole, layout, block * blocks.lines, lines_of(block), channel,
                            std::min(blocks.width, layout.channels - channel)),
                       first_sum + at, second_sum + at);
                 }
               });
  for (Index block = 0; block < blocks.count; ++block)
    for (Index c = 0; c < layout.channels; ++c)
      merge(c, first_sum[block * layout.channels + c], second_sum[block * layout.channels + c],
            static_cast<double>(lines_of(block) * layout.inner));
}

/// Runs an elementwise pass over all lines.
template <class S>
void for_lines(const NormLines<S>& whole, const Layout& layout, void (*pass)(const NormLines<S>&)) {
  if (layout.planar) {
    parallel_for(0, layout.lines * layout.channels,
                 divide_up(piece_size / 2, std::max<Index>(layout.inner, 1)), [&](Index first, Index last) {
                   for (Index i = first; i < last; ++i)
                     pass(part(whole, layout, i / layout.channels, 1, i % layout.channels, 1));
                 });
  } else {
    parallel_for(0, layout.lines, divide_up(piece_size / 2, layout.channels), [&](Index first, Index last) {
      pass(part(whole, layout, first, last - first, 0, layout.channels));
    });
  }
}

template <class S>
const cpu::NormKernels<S>& kernels_for(const Layout& layout) {
  const cpu::NormTable<S>& table = cpu::norm_table<S>();
  return layout.planar ? table.planar : table.channels_last;
}

Gate gate_of(Activation activation, const TensorView& bits) {
  if (activation == Activation::none) return Gate::open;
  return bits.defined() ? Gate::bits : Gate::recompute;
}

void statistics(const BatchNormStatistics& args) {
  const Layout layout(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = accumulate_t<S>;
    const Scratch merged = Scratch::of<double>(3 * layout.channels);
    double *mean = merged.as<double>(), *m2 = mean + layout.channels, *count = m2 + layout.channels;
    std::fill(mean, mean + 3 * layout.channels, 0.0);
    sum_blocks(all_lines<S>(layout, args.x, {}), layout, kernels_for<S>(layout).statistics,
               [&](Index c, double block_mean, double block_m2, double block_count) {
                 const double before = count[c], weight = block_count / (before + block_count);
                 const double delta = block_mean - mean[c];
                 mean[c] += delta * weight;
                 m2[c] += block_m2 + delta * delta * before * weight;
                 count[c] = before + block_count;
               });
    for (Index c = 0; c < layout.channels; ++c) {
      args.mean.ptr<T>()[c] = static_cast<T>(mean[c]);
      args.var.ptr<T>()[c] = static_cast<T>(std::max(m2[c] / count[c], 0.0));
    }
  });
}

void apply(const BatchNormApply& args) {
  if (args.x.numel() == 0) return;
  const Layout layout(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    const ChannelValues<accumulate_t<S>> values(args, layout.channels);
    NormLines<S> whole = all_lines<S>(layout, args.x, args.bits);
    values.set(whole);
    whole.y = args.y.ptr<S>();
    whole.residual = args.residual.ptr<const S>();
    whole.relu = args.activation == Activation::relu;
    for_lines(whole, layout, kernels_for<S>(layout).apply);
  });
}

void grad_parameters(const BatchNormGradParameters& args) {
  const Layout layout(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = accumulate_t<S>;
    const ChannelValues<T> values(args, layout.channels);
    NormLines<S> whole = all_lines<S>(layout, args.x, args.bits);
    values.set(whole);
    whole.dy = args.dy.ptr<const S>();
    whole.more = args.more.ptr<const S>();
    whole.g = args.g.ptr<S>();
    whole.gate = gate_of(args.activation, args.bits);
    const Scratch sums = Scratch::of<double>(2 * layout.channels);
    double *g = sums.as<double>(), *gx = g + layout.channels;
    std::fill(g, g + 2 * layout.channels, 0.0);
    if (args.x.numel() > 0)
      sum_blocks(whole, layout, kernels_for<S>(layout).grad_sums,
                 [&](Index c, double block_g, double block_gx, double) {
                   g[c] += block_g;
                   gx[c] += block_gx;
                 });
    for (Index c = 0; c < layout.channels; ++c) {
      const double var = args.var.ptr<const T>()[c];
      args.dbias.ptr<T>()[c] = static_cast<T>(g[c]);
      args.dweight.ptr<T>()[c] = static_cast<T>(gx[c] / std::sqrt(var + args.eps));
    }
  });
}

void grad_input(const BatchNormGradInput& args) {
  if (args.x.numel() == 0) return;
  const Layout layout(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = accumulate_t<S>;
    const ChannelValues<T> values(args, layout.channels);
    NormLines<S> whole = all_lines<S>(layout, args.x, args.bits);
    values.set(whole);
    whole.dy = args.dy.ptr<const S>();
    whole.dx = args.dx.ptr<S>();
    whole.dresidual = args.dresidual.ptr<S>();
    whole.gate = gate_of(args.activation, args.bits);
    if (args.dweight.defined()) {
      const double n = static_cast<double>(layout.per_channel());
      for (Index c = 0; c < layout.channels; ++c) {
        const double scale = values.scale()[c], var = args.var.ptr<const T>()[c];
        values.slope()[c] =
            static_cast<T>(-scale * args.dweight.ptr<const T>()[c] / (n * std::sqrt(var + args.eps)));
        values.offset()[c] = static_cast<T>(-scale * args.dbias.ptr<const T>()[c] / n);
      }
      whole.slope = values.slope();
      whole.offset = values.offset();
    }
    for_lines(whole, layout, kernels_for<S>(layout).grad_input);
  });
}

}  // namespace

constinit const dispatch::Kernel<BatchNormStatistics> batch_norm_statistics_cpu{
    {"blocks", DeviceType::cpu, floating_dtypes},
    [](const BatchNormStatistics& args) { return same_layout(args.x, {}) ? dispatch::accepts : not_dense; },
    statistics};
constinit const dispatch::Kernel<BatchNormApply> batch_norm_apply_cpu{
    {"lines", DeviceType::cpu, floating_dtypes},
    [](const BatchNormApply& args) {
      return same_layout(args.x, {&args.y, &args.residual}) ? dispatch::accepts : not_dense;
    },
    apply};
constinit const dispatch::Kernel<BatchNormGradParameters> batch_norm_grad_parameters_cpu{
    {"blocks", DeviceType::cpu, floating_dtypes},
    [](const BatchNormGradParameters& args) {
      return same_layout(args.x, {&args.dy, &args.more, &args.g}) ? dispatch::accepts : not_dense;
    },
    grad_parameters};
constinit const dispatch::Kernel<BatchNormGradInput> batch_norm_grad_input_cpu{
    {"lines", DeviceType::cpu, floating_dtypes},
    [](const BatchNormGradInput& args) {
      return same_layout(args.x, {&args.dy, &args.dx, &args.dresidual}) ? dispatch::accepts : not_dense;
    },
    grad_input};

}  // namespace fornax::ops
