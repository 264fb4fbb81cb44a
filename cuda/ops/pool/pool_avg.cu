// Policy: a thread makes one pixel of the result, of a pack of 16 bytes of channels where these are adjacent,
// else of one channel. Of windows with many taps and few results (global pooling), 32 threads of a block
// share one pixel and add up their sums in shared memory in a fixed order. Any strides. Sums are in the
// compute type. The gradient gathers: a thread adds up the windows that hold its pixel, in their order; there
// are no atomics. Runs on the stream of the operands.
#include "device/convert.cuh"
#include "device/group_reduce.cuh"
#include "device/pack.cuh"
#include "ops/pool/pool_op.h"
#include "ops/pool/pool_windows.cuh"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

/// `to` from `from`.
template <class S>
struct AvgOperands {
  S* to;
  const S* from;
  ImageStrides to_strides, from_strides;
  bool count_include_pad;
};

template <class T, int V>
struct PackOfSums {
  using Value = T;
  static constexpr int size = V;
  T at[V] = {};
  __device__ void merge(const PackOfSums& other) {
    for (int i = 0; i < V; ++i) at[i] += other.at[i];
  }
};

/// What the sum over a window is divided by.
template <class T>
__device__ inline T divisor(const PoolWindow& h, const PoolWindow& w, bool count_include_pad) {
  const std::int64_t height = count_include_pad ? h.size : h.count,
                     width = count_include_pad ? w.size : w.count;
  return static_cast<T>(height * width);
}

template <class S, int V, class T>
__device__ inline void add_tap(PackOfSums<T, V>& sums, const AvgOperands<S>& operands, std::int64_t plane,
                               int row, int column) {
  const Pack<S, V> x = load_pack<V>(operands.from + pack_index<V>(plane + row * operands.from_strides.row +
                                                                  column * operands.from_strides.column));
  for (int i = 0; i < V; ++i) sums.at[i] += convert<T>(x[i]);
}

template <class S, int V, class T>
__device__ inline void store_mean(const AvgOperands<S>& operands, const ImagePlace& place,
                                  const PackOfSums<T, V>& sums, T divisor) {
  Pack<S, V> mean;
  for (int i = 0; i < V; ++i) mean[i] = convert<S>(sums.at[i] / divisor);
  store_pack(operands.to + pack_index<V>(place.offset(operands.to_strides)), mean);
}

template <class S, int V>
__global__ void avg_kernel(AvgOperands<S> operands, PoolAxes axes, PoolResult result) {
  using T = compute_t<S>;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       item < result.count; item += step) {
    const ImagePlace place = result.place<V>(item);
    const PoolWindow h = axes.h.window(place.row), w = axes.w.window(place.column);
    const std::int64_t plane = place.plane(operands.from_strides);
    PackOfSums<T, V> sums;
    for (int u = 0; u < h.count; ++u)
      for (int v = 0; v < w.count; ++v) add_tap(sums, operands, plane, h.first + u, w.first + v);
    store_mean(operands, place, sums, divisor<T>(h, w, operands.count_include_pad));
  }
}

/// Threads that share a window of many taps, and windows of a block.
constexpr int sharers = 32, shared_windows = reduce_block / sharers;
/// Taps from which on they do.
constexpr std::int64_t many_taps = 32;

/// Adjacent threads take adjacent memory: packs of channels, or taps where the channels lie apart.
template <class S, int V>
__global__ void avg_shared_kernel(AvgOperands<S> operands, PoolAxes axes, PoolResult result) {
  using T = compute_t<S>;
  const int thread = static_cast<int>(threadIdx.x);
  const int member = result.channels_first ? thread / shared_windows : thread % sharers;
  const int window = result.channels_first ? thread % shared_windows : thread / sharers;
  const std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * shared_windows + window;
  const bool inside = item < result.count;
  const ImagePlace place = result.place<V>(inside ? item : 0);
  const PoolWindow h = axes.h.window(place.row), w = axes.w.window(place.column);
  PackOfSums<T, V> sums;
  if (inside) {
    const std::int64_t plane = place.plane(operands.from_strides);
    const std::int64_t taps = static_cast<std::int64_t>(h.count) * w.count;
#pragma unroll 2
    for (std::int64_t tap = member; tap < taps; tap += sharers) {
      const int u = static_cast<int>(quotient(tap, w.count)),
                v = static_cast<int>(tap - std::int64_t{u} * w.count);
      add_tap(sums, operands, plane, h.first + u, w.first + v);
    }
  }
  group_reduce<reduce_block>(sums, {sharers, member, result.channels_first ? shared_windows : 1});
  if (inside && member == 0) store_mean(operands, place, sums, divisor<T>(h, w, operands.count_include_pad));
}

template <class S, int V>
__global__ void avg_grad_kernel(AvgOperands<S> operands, PoolAxes axes, PoolResult result) {
  using T = compute_t<S>;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       item < result.count; item += step) {
    const ImagePlace place = result.place<V>(item);
    const PoolAxis::Range rows = axes.h.covering(place.row), columns = axes.w.covering(place.column);
    T sum[V] = {};
    for (int row = rows.first; row <= rows.last; ++row) {
      const PoolWindow h = axes.h.window(row);
#pragma unroll 1
      for (int column = columns.first; column <= columns.last; ++column) {
        const T share = T(1) / divisor<T>(h, axes.w.window(column), operands.count_include_pad);
        const ImagePlace window{place.image, place.channel, row, column};
        const Pack<S, V> dy =
            load_pack<V>(operands.from + pack_index<V>(window.offset(operands.from_strides)));
        for (int i = 0; i < V; ++i) sum[i] += convert<T>(dy[i]) * share;
      }
    }
    Pack<S, V> dx;
    for (int i = 0; i < V; ++i) dx[i] = convert<S>(sum[i]);
    store_pack(operands.to + pack_index<V>(place.offset(operands.to_strides)), dx);
  }
}

/// Calls run(operands, V) for the packs of channels that fit.
template <class Run>
void for_packs(const TensorView& to, const TensorView& from, bool count_include_pad, Run&& run) {
  visit_floating(to.dtype, [&]<class S>(std::type_identity<S>) {
    const AvgOperands<S> operands{to.ptr<S>(), from.ptr<const S>(), ImageStrides(to), ImageStrides(from),
                                  count_include_pad};
    constexpr int V = pack_size<S>;
    if (packs_of_channels(V, {&to, &from}))
      run(operands, std::integral_constant<int, V>{});
    else
      run(operands, std::integral_constant<int, 1>{});
  });
}

void avg_pool2d(const AvgPool2d& args) {
  if (args.y.numel() == 0) return;
  const cudaStream_t stream = stream_for(args.y);
  const PoolAxes axes(args.windows, args.x, args.y);
  const bool shares = args.windows.kernel.h * args.windows.kernel.w >= many_taps;
  for_packs(args.y, args.x, args.count_include_pad,
            [&]<class S, int V>(const AvgOperands<S>& operands, std::integral_constant<int, V>) {
              const PoolResult result(args.y, V);
              if (shares)
                launch(avg_shared_kernel<S, V>,
                       static_cast<unsigned>(divide_up(result.count, shared_windows)), reduce_block, 0,
                       stream, operands, axes, result);
              else
                launch(avg_kernel<S, V>, grid_for(result.count), elementwise_block, 0, stream, operands, axes,
                       result);
            });
}

void avg_pool2d_grad(const AvgPool2dGrad& args) {
  if (args.dx.numel() == 0) return;
  const cudaStream_t stream = stream_for(args.dx);
  const PoolAxes axes(args.windows, args.dx, args.dy);
  for_packs(args.dx, args.dy, args.count_include_pad,
            [&]<class S, int V>(const AvgOperands<S>& operands, std::integral_constant<int, V>) {
              const PoolResult result(args.dx, V);
              launch(avg_grad_kernel<S, V>, grid_for(result.count), elementwise_block, 0, stream, operands,
                     axes, result);
            });
}

}  // namespace

constinit const dispatch::Kernel<AvgPool2d> avg_pool2d_cuda{
    {"windows", DeviceType::cuda, floating_dtypes},
    [](const AvgPool2d& args) { return refuse_large(args.windows, args.x); },
    avg_pool2d};
constinit const dispatch::Kernel<AvgPool2dGrad> avg_pool2d_grad_cuda{
    {"windows", DeviceType::cuda, floating_dtypes},
    [](const AvgPool2dGrad& args) { return refuse_large(args.windows, args.dx); },
    avg_pool2d_grad};

}  // namespace fornax::ops
