// Policy: dense tensors of either format, read and written once by each of the two ops, in packs of 16 bytes
// where alignment and sizes allow it. All is computed in the compute type: f32, or f64 for x in f64.
//
// Parameters: sums of g and of g * (x - mean), by thread, over the block, and over the chunks of rows by a
// second kernel, which divides by the deviation once. How they are cut depends on the shape only
// (batch_norm_sums.cuh). The first one writes g on its way, where it is asked to.
//
// Input: one pass; threads keep their channels and go down the rows (batch_norm_tiles.cuh).
//
// g and dx may be memory of the gradients: each element is read before it is written, by the same thread.
//
// Both run on the stream of their operands.
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm/batch_norm_sums.cuh"
#include "ops/batch_norm/batch_norm_tiles.cuh"

namespace fornax::ops {
namespace {

using namespace cuda;

// --- parameters

template <class S>
struct GradSumOperands {
  const S *dy, *more, *x;  // more may be null
  S* g;                    // too
  const std::uint8_t* bits;
  NormChannels<compute_t<S>> channels;
  NormGate gate;
};

/// Looks at `more` and `g` only if `makes_g`: then with fewer packs at a time, for their registers.
template <class S, int width, bool planar, bool makes_g>
class GradSums {
 public:
  static constexpr int V = width;
  static constexpr int K = planar ? 1 : V;
  static constexpr int packs = makes_g ? 1 : 2;
  using T = compute_t<S>;
  using Part = PairOfSums<T, K>;
  using Operands = GradSumOperands<S>;

  __device__ GradSums(const Operands& operands, const NormLayout&, std::int64_t channel)
      : operands_(operands) {
    for (int k = 0; k < K; ++k) channels_[k] = NormChannel<T>(operands.channels, channel + k);
  }
  __device__ void load(int u, const SumWalk<planar, V>& walk) {
    const std::int64_t at = walk.offset();
    dy_[u] = load_pack<V>(operands_.dy + at);
    x_[u] = load_pack<V>(operands_.x + at);
    if constexpr (makes_g) {
      at_[u] = at;
      more_[u] = operands_.more ? load_pack<V>(operands_.more + at) : Pack<S, V>{};
    }
    bits_[u] = operands_.gate == NormGate::bits
                   ? static_cast<unsigned>(operands_.bits[walk.byte()]) >> walk.shift()
                   : ~0u;
  }
  template <int R>
  __device__ void add(int u, Part& part) const {
    for (int r = 0; r < R; ++r) {
      Pack<S, V> kept;
      for (int i = 0; i < V; ++i) {
        const int k = K == 1 ? 0 : i;
        const T deviation = convert<T>(x_[u + r][i]) - channels_[k].mean;
        T dy = convert<T>(dy_[u + r][i]);
        if constexpr (makes_g) dy += convert<T>(more_[u + r][i]);
        const T g = gated(operands_.gate, dy, bits_[u + r] >> i & 1, channels_[k], deviation);
        part.at[k] += g;
        part.at[K + k] += g * deviation;
        kept[i] = convert<S>(g);
      }
      if constexpr (makes_g)
        if (operands_.g) store_pack(operands_.g + at_[u + r], kept);
    }
  }

 private:
  const Operands& operands_;
  NormChannel<T> channels_[K];
  Pack<S, V> dy_[packs], x_[packs];
  Pack<S, V> more_[makes_g ? packs : 1];
  std::int64_t at_[makes_g ? packs : 1];
  unsigned bits_[packs];
};

template <class S, int width, bool planar>
using PlainGradSums = GradSums<S, width, planar, false>;
template <class S, int width, bool planar>
using KeptGradSums = GradSums<S, width, planar, true>;

template <class T>
struct WriteGradParameters {
  T *dweight, *dbias;
  const T* var;
  T eps;
  __device__ void operator()(std::int64_t channel, const PairOfSums<T, 1>& part) const {
    dbias[channel] = part.at[0];
    dweight[channel] = part.at[1] / square_root(var[channel] + eps);
  }
};

void grad_parameters(const BatchNormGradParameters& args) {
  const NormLayout layout(args.x);
  if (layout.channels() == 0) return;
  const cudaStream_t stream = stream_for(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = compute_t<S>;
    const GradSumOperands<S> operands{args.dy.ptr<const S>(),
                                      args.more.ptr<const S>(),
                                      args.x.ptr<const S>(),
                                      args.g.ptr<S>(),
                                      args.bits.ptr<const std::uint8_t>(),
                                      norm_channels<T>(args),
                                      norm_gate(args.activation, args.bits)};
    const WriteGradParameters<T> write{args.dweight.ptr<T>(), args.dbias.ptr<T>(), args.var.ptr<const T>(),
                                       static_cast<T>(args.eps)};
    const bool aligned = all_aligned({&args.dy, &args.more, &args.x, &args.g});
    const auto combine = [&](const ChannelPartials<T>& partials) {
      combine_partials<PairOfSums<T, 1>>(partials, write, stream);
    };
    if (args.more.defined() || args.g.defined())
      sum_channels<S, KeptGradSums>(layout, operands, aligned, stream, combine);
    else
      sum_channels<S, PlainGradSums>(layout, operands, aligned, stream, combine);
  });
}

// --- input

template <class S>
struct GradInputOperands {
  const S *dy, *x;
  S *dx, *dresidual;  // dresidual may be null
  const std::uint8_t* bits;
  NormChannels<compute_t<S>> channels;
  const compute_t<S>*dweight, *dbias;  // null where mean and var were constants
  compute_t<S> count;                  // elements of a channel
  NormGate gate;
};

/// A channel of grad_input: dx = g * scale + (x - mean) * slope + offset.
template <class T>
struct GradChannel : NormChannel<T> {
  T slope = 0, offset = 0;

  GradChannel() = default;
  template <class S>
  __device__ GradChannel(const GradInputOperands<S>& operands, std::int64_t c)
      : NormChannel<T>(operands.channels, c) {
    if (!operands.dweight) return;
    const T deviation = square_root(operands.channels.var[c] + operands.channels.eps);
    slope = -this->scale * operands.dweight[c] / (operands.count * deviation);
    offset = -this->scale * operands.dbias[c] / operands.count;
  }
};

/// Packs of V elements of K channels.
template <class S, int V, int K>
__global__ void grad_input_kernel(GradInputOperands<S> operands, NormTiles tiles) {
  using T = compute_t<S>;
  constexpr int unroll = 2;
  const NormPlace place(tiles, V);
  if (!place.inside) return;
  GradChannel<T> channels[K];
  for (int k = 0; k < K; ++k) channels[k] = GradChannel<T>(operands, channel_of(tiles, place.offset + k));
  const bool reads_x = operands.dweight || operands.gate == NormGate::recompute;
  for (std::int64_t first = first_row(tiles) + place.row; first < tiles.rows;
       first += unroll * tiles.row_step) {
    Pack<S, V> dy[unroll] = {}, x[unroll] = {};
    unsigned bits[unroll] = {};
    std::int64_t at[unroll];
    bool there[unroll];
    for (int u = 0; u < unroll; ++u) {
      const std::int64_t row = first + u * tiles.row_step;
      at[u] = pack_index<V>(row * tiles.row_size + place.offset);
      there[u] = row < tiles.rows;
      if (!there[u]) continue;
      dy[u] = load_pack<V>(operands.dy + at[u]);
      x[u] = reads_x ? load_pack<V>(operands.x + at[u]) : Pack<S, V>{};
      bits[u] = operands.gate == NormGate::bits
                    ? static_cast<unsigned>(operands.bits[row * tiles.row_bytes + place.byte]) >> place.shift
                    : ~0u;
    }
    for (int u = 0; u < unroll; ++u) {
      if (!there[u]) continue;
      Pack<S, V> dx, dresidual;
      for (int i = 0; i < V; ++i) {
        const GradChannel<T>& channel = channels[K == 1 ? 0 : i];
        const T deviation = convert<T>(x[u][i]) - channel.mean;
        const T g = gated(operands.gate, convert<T>(dy[u][i]), bits[u] >> i & 1, channel, deviation);
        dresidual[i] = convert<S>(g);
        dx[i] = convert<S>(g * channel.scale + (deviation * channel.slope + channel.offset));
      }
      if (operands.dresidual) store_pack(operands.dresidual + at[u], dresidual);
      store_pack(operands.dx + at[u], dx);
    }
  }
}

void grad_input(const BatchNormGradInput& args) {
  const NormLayout layout(args.x);
  if (layout.size() == 0) return;
  const cudaStream_t stream = stream_for(args.x);
  visit_floating(args.x.dtype, [&]<class S>(std::type_identity<S>) {
    using T = compute_t<S>;
    const GradInputOperands<S> operands{args.dy.ptr<const S>(),
                                        args.x.ptr<const S>(),
                                        args.dx.ptr<S>(),
                                        args.dresidual.ptr<S>(),
                                        args.bits.ptr<const std::uint8_t>(),
                                        norm_channels<T>(args),
                                        args.dweight.ptr<const T>(),
                                        args.dbias.ptr<const T>(),
                                        static_cast<T>(layout.per_channel()),
                                        norm_gate(args.activation, args.bits)};
    const bool aligned = all_aligned({&args.dy, &args.x, &args.dx, &args.dresidual});
    for_packs<S>(
        layout, aligned, args.bits.defined(),
        [&]<int V, int K>(std::integral_constant<int, V>, std::integral_constant<int, K>, bool crossing) {
          const NormTiles tiles = norm_tiles(layout, V, crossing, false);
          launch(grad_input_kernel<S, V, K>, grid_of(tiles), elementwise_block, 0, stream, operands, tiles);
        });
  });
}

}  // namespace

constinit const dispatch::Kernel<BatchNormGradParameters> batch_norm_grad_parameters_cuda{
    {"blocks", DeviceType::cuda, floating_dtypes},
    [](const BatchNormGradParameters& args) {
      return refuse_mixed_layouts(args.x, {&args.dy, &args.more, &args.g});
    },
    grad_parameters};
constinit const dispatch::Kernel<BatchNormGradInput> batch_norm_grad_input_cuda{
    {"fused", DeviceType::cuda, floating_dtypes},
    [](const BatchNormGradInput& args) {
      return refuse_mixed_layouts(args.x, {&args.dy, &args.dx, &args.dresidual});
    },
    grad_input};

}  // namespace fornax::ops
