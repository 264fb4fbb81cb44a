// Policy: a thread makes one pixel of the result, of a pack of 16 bytes of channels where these are adjacent,
// else of one channel, and reads the taps of its window; overlapping windows meet in the cache. Any strides.
// Values are compared in the compute type. The gradient gathers: a thread adds up dy of the windows that hold
// its pixel and name it, in their order, so that dx is written once and there are no atomics. Runs on the
// stream of the operands.
#include <limits>

#include "device/convert.cuh"
#include "device/pack.cuh"
#include "ops/pool/pool_op.h"
#include "ops/pool/pool_windows.cuh"
#include "runtime/launch.h"

namespace fornax::ops {
namespace {

using namespace cuda;

template <class S, class I>
struct MaxOperands {
  S* y;
  I* index;  // may be null
  const S* x;
  ImageStrides to, number, from;
};

/// I: the type of the index.
template <class S, int V, class I>
__global__ void max_kernel(MaxOperands<S, I> operands, PoolAxes axes, PoolResult result) {
  using T = compute_t<S>;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       item < result.count; item += step) {
    const ImagePlace place = result.place<V>(item);
    const PoolWindow h = axes.h.window(place.row), w = axes.w.window(place.column);
    T largest[V];
    int which[V];
    for (int i = 0; i < V; ++i) {
      largest[i] = -std::numeric_limits<T>::infinity();
      which[i] = h.count > 0 && w.count > 0 ? h.tap * axes.w.kernel + w.tap : 0;
    }
    const std::int64_t plane = place.plane(operands.from);
    for (int u = 0; u < h.count; ++u)
      for (int v = 0; v < w.count; ++v) {
        const std::int64_t row = h.first + u * axes.h.dilation, column = w.first + v * axes.w.dilation;
        const Pack<S, V> x = load_pack<V>(
            operands.x + pack_index<V>(plane + row * operands.from.row + column * operands.from.column));
        const int number = (h.tap + u) * axes.w.kernel + w.tap + v;
        for (int i = 0; i < V; ++i) {
          const T value = convert<T>(x[i]);
          const bool larger = value > largest[i] || value != value;
          largest[i] = larger ? value : largest[i];
          which[i] = larger ? number : which[i];
        }
      }
    Pack<S, V> y;
    Pack<I, V> index;
    for (int i = 0; i < V; ++i) {
      y[i] = convert<S>(largest[i]);
      index[i] = static_cast<I>(which[i]);
    }
    store_pack(operands.y + pack_index<V>(place.offset(operands.to)), y);
    if (operands.index) store_pack(operands.index + pack_index<V>(place.offset(operands.number)), index);
  }
}

template <class S, class I>
struct MaxGradOperands {
  S* dx;
  const S* dy;
  const I* index;
  ImageStrides to, from, number;
};

template <class S, int V, class I>
__global__ void max_grad_kernel(MaxGradOperands<S, I> operands, PoolAxes axes, PoolResult result) {
  using T = compute_t<S>;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t item = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
       item < result.count; item += step) {
    const ImagePlace place = result.place<V>(item);
    const PoolAxis::Range rows = axes.h.covering(place.row), columns = axes.w.covering(place.column);
    T sum[V] = {};
    for (int row = rows.first; row <= rows.last; ++row) {
      const int h = axes.h.tap(row, place.row);
      if (h < 0) continue;
#pragma unroll 1
      for (int column = columns.first; column <= columns.last; ++column) {
        const int w = axes.w.tap(column, place.column);
        if (w < 0) continue;
        const ImagePlace window{place.image, place.channel, row, column};
        const Pack<I, V> index = load_pack<V>(operands.index + pack_index<V>(window.offset(operands.number)));
        const Pack<S, V> dy = load_pack<V>(operands.dy + pack_index<V>(window.offset(operands.from)));
        const int number = h * axes.w.kernel + w;
        for (int i = 0; i < V; ++i) sum[i] += static_cast<int>(index[i]) == number ? convert<T>(dy[i]) : T(0);
      }
    }
    Pack<S, V> dx;
    for (int i = 0; i < V; ++i) dx[i] = convert<S>(sum[i]);
    store_pack(operands.dx + pack_index<V>(place.offset(operands.to)), dx);
  }
}

/// Calls run(S, V, I) as std::type_identity and std::integral_constant: element, channels of a pack, index.
template <class Run>
void for_types(DType dtype, bool wide_index, std::initializer_list<const TensorView*> views, Run&& run) {
  visit_floating(dtype, [&]<class S>(std::type_identity<S> element) {
    const auto with_index = [&](auto index) {
      constexpr int V = pack_size<S>;
      if (packs_of_channels(V, views))
        run(element, std::integral_constant<int, V>{}, index);
      else
        run(element, std::integral_constant<int, 1>{}, index);
    };
    wide_index ? with_index(std::type_identity<std::int32_t>{})
               : with_index(std::type_identity<std::uint8_t>{});
  });
}

void max_pool2d(const MaxPool2d& args) {
  if (args.y.numel() == 0) return;
  const cudaStream_t stream = stream_for(args.y);
  const PoolAxes axes(args.windows, args.x, args.y);
  for_types(args.y.dtype, args.index.defined() && args.index.dtype == i32, {&args.y, &args.x, &args.index},
            [&]<class S, int V, class I>(std::type_identity<S>, std::integral_constant<int, V>,
                                         std::type_identity<I>) {
              const PoolResult result(args.y, V);
              MaxOperands<S, I> operands{
                  args.y.ptr<S>(),     args.index.ptr<I>(), args.x.ptr<const S>(), ImageStrides(args.y), {},
                  ImageStrides(args.x)};
              if (args.index.defined()) operands.number = ImageStrides(args.index);
              launch(max_kernel<S, V, I>, grid_for(result.count), elementwise_block, 0, stream, operands,
                     axes, result);
            });
}

void max_pool2d_grad(const MaxPool2dGrad& args) {
  if (args.dx.numel() == 0) return;
  const cudaStream_t stream = stream_for(args.dx);
  const PoolAxes axes(args.windows, args.dx, args.dy);
  for_types(args.dx.dtype, args.index.dtype == i32, {&args.dx, &args.dy, &args.index},
            [&]<class S, int V, class I>(std::type_identity<S>, std::integral_constant<int, V>,
                                         std::type_identity<I>) {
              const PoolResult result(args.dx, V);
              const MaxGradOperands<S, I> operands{args.dx.ptr<S>(),          args.dy.ptr<const S>(),
                                                   args.index.ptr<const I>(), ImageStrides(args.dx),
                                                   ImageStrides(args.dy),     ImageStrides(args.index)};
              launch(max_grad_kernel<S, V, I>, grid_for(result.count), elementwise_block, 0, stream, operands,
                     axes, result);
            });
}

}  // namespace

constinit const dispatch::Kernel<MaxPool2d> max_pool2d_cuda{
    {"windows", DeviceType::cuda, floating_dtypes},
    [](const MaxPool2d& args) { return refuse_large(args.windows, args.x); },
    max_pool2d};
constinit const dispatch::Kernel<MaxPool2dGrad> max_pool2d_grad_cuda{
    {"windows", DeviceType::cuda, floating_dtypes},
    [](const MaxPool2dGrad& args) { return refuse_large(args.windows, args.dx); },
    max_pool2d_grad};

}  // namespace fornax::ops
