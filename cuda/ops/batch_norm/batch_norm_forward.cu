// Policy: dense tensors of either format, read and written once, in packs of 16 bytes where alignment and
// sizes allow it. All is computed in the compute type: f32, or f64 for x in f64.
//
// Statistics: a thread takes the mean and the squared deviations of a few packs in registers (two passes over
// these), and everything from there on is merged by Chan's formula: thread by thread, over the block, over
// the chunks of rows by a second kernel. All means are of differences from the channel's first value, so a
// mean far larger than the deviation costs no digits; if that value is far off, its distance has gone into
// the variance. How it is cut depends on the shape only (batch_norm_sums.cuh).
//
// Apply: one pass; threads keep their channels and go down the rows (batch_norm_tiles.cuh).
//
// Both run on the stream of their operands.
#include "ops/batch_norm/batch_norm_moments.cuh"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm/batch_norm_sums.cuh"
#include "ops/batch_norm/batch_norm_tiles.cuh"

namespace fornax::ops {
namespace {

using namespace cuda;

// --- statistics

template <class S, int width, bool planar>
class MomentSums {
 public:
  static constexpr int V = width;
  static constexpr int K = planar ? 1 : V;
  static constexpr int packs = 4;
  using T = compute_t<S>;
  using Part = Moments<T, K>;
  using Operands = const S*;

  __device__ MomentSums(Operands x, const NormLayout& layout, std::int64_t channel) : x_(x) {
    for (int k = 0; k < K; ++k) origin_[k] = convert<T>(x[planar ? channel * layout.length : channel + k]);
  }
  __device__ T origin(int k) const { return origin_[k]; }
  __device__ void load(int u, const SumWalk<planar, V>& walk) {
    packs_[u] = load_pack<V>(x_ + walk.offset());
  }
  template <int R>
  __device__ void add(int u, Part& part) const {
    constexpr int per_pack = V / K, values = R * per_pack;
    const T before = part.count(), all = before + T(values), weight = T(values) / all;
    for (int k = 0; k < K; ++k) {
      T sum = 0, m2 = 0;
      for (int r = 0; r < R; ++r)
        for (int i = k; i < k + per_pack; ++i) sum += convert<T>(packs_[u + r][i]) - origin_[k];
      const T mean = sum * (T(1) / T(values));
      for (int r = 0; r < R; ++r)
        for (int i = k; i < k + per_pack; ++i) {
          const T deviation = convert<T>(packs_[u + r][i]) - origin_[k] - mean;
          m2 += deviation * deviation;
        }
      const T delta = mean - part.mean(k);
      part.mean(k) += delta * weight;
      part.m2(k) += m2 + delta * delta * (before * weight);
    }
    part.count() = all;
  }

 private:
  const S* x_;
  T origin_[K];  // the channel's first value
  Pack<S, V> packs_[packs];
};

void statistics(const BatchNormStatistics& args) {
  const NormLayout layout(args.x);
  if (layout.channels() == 0) return;
  const cudaStream_t stream = stream_for(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = compute_t<S>;
    sum_channels<S, MomentSums>(layout, args.x.ptr<const S>(), all_aligned({&args.x}), stream,
                                [&](const ChannelPartials<T>& partials) {
                                  combine_moments(partials, args.mean.ptr<T>(), args.var.ptr<T>(), stream);
                                });
  });
}

// --- apply

template <class S>
struct ApplyOperands {
  const S *x, *residual;
  S* y;
  std::uint8_t* bits;
  NormChannels<compute_t<S>> channels;
  bool relu;
};

/// Packs of V elements of K channels.
template <class S, int V, int K>
__global__ void apply_kernel(ApplyOperands<S> operands, NormTiles tiles) {
  using T = compute_t<S>;
  constexpr int unroll = 2;
  const NormPlace place(tiles, V);
  NormChannel<T> channels[K];
  if (place.inside)
    for (int k = 0; k < K; ++k)
      channels[k] = NormChannel<T>(operands.channels, channel_of(tiles, place.offset + k));
  // The whole block goes round as often: the lanes join their bits.
  for (std::int64_t first = first_row(tiles); first < tiles.rows; first += unroll * tiles.row_step) {
    Pack<S, V> x[unroll] = {}, residual[unroll] = {};
    std::int64_t row[unroll], at[unroll];
    bool there[unroll];
    for (int u = 0; u < unroll; ++u) {
      row[u] = first + u * tiles.row_step + place.row;
      at[u] = pack_index<V>(row[u] * tiles.row_size + place.offset);
      there[u] = place.inside && row[u] < tiles.rows;
      if (!there[u]) continue;
      x[u] = load_pack<V>(operands.x + at[u]);
      residual[u] = operands.residual ? load_pack<V>(operands.residual + at[u]) : Pack<S, V>{};
    }
    for (int u = 0; u < unroll; ++u) {
      unsigned bits = 0;
      if (there[u]) {
        Pack<S, V> y;
        for (int i = 0; i < V; ++i) {
          const NormChannel<T>& channel = channels[K == 1 ? 0 : i];
          const T value = channel.normalised(convert<T>(x[u][i]) - channel.mean) + convert<T>(residual[u][i]);
          const bool active = is_active(value);
          bits |= static_cast<unsigned>(active) << i;
          y[i] = convert<S>(operands.relu && !active ? T(0) : value);
        }
        store_pack(operands.y + at[u], y);
      }
      if (operands.bits)
        store_bits<V>(operands.bits + row[u] * tiles.row_bytes + place.byte, bits,
                      there[u] && place.shift == 0);
    }
  }
}

void apply(const BatchNormApply& args) {
  const NormLayout layout(args.x);
  if (layout.size() == 0) return;
  const cudaStream_t stream = stream_for(args.x);
  const bool with_bits = args.bits.defined();
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    const ApplyOperands<S> operands{args.x.ptr<const S>(),
                                    args.residual.ptr<const S>(),
                                    args.y.ptr<S>(),
                                    args.bits.ptr<std::uint8_t>(),
                                    norm_channels<compute_t<S>>(args),
                                    args.activation == Activation::relu};
    for_packs<S>(
        layout, all_aligned({&args.x, &args.residual, &args.y}), with_bits,
        [&]<int V, int K>(std::integral_constant<int, V>, std::integral_constant<int, K>, bool crossing) {
          const NormTiles tiles = norm_tiles(layout, V, crossing, with_bits);
          launch(apply_kernel<S, V, K>, grid_of(tiles), elementwise_block, 0, stream, operands, tiles);
        });
  });
}

}  // namespace

constinit const dispatch::Kernel<BatchNormStatistics> batch_norm_statistics_cuda{
    {"blocks", DeviceType::cuda, floating_dtypes},
    [](const BatchNormStatistics& args) { return refuse_mixed_layouts(args.x, {}); },
    statistics};
constinit const dispatch::Kernel<BatchNormApply> batch_norm_apply_cuda{
    {"fused", DeviceType::cuda, floating_dtypes},
    [](const BatchNormApply& args) {
      return refuse_mixed_layouts(args.x, {&args.y, &args.residual});
    },
    apply};

}  // namespace fornax::ops
