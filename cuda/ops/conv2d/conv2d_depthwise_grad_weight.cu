// Policy: the weight gradient of convolutions of one channel per group. A thread sums, for one output
// channel, a few taps at once over every so many positions of dy; the block adds its threads' sums in order.
// Threads of a block go over adjacent channels and few positions where channels are adjacent in memory, else
// over positions of one channel. Where channels are few, positions are cut into slices, by the sizes and the
// layout alone, whose sums go to temporary memory and are added in order by a second kernel. Any strides.
// Sums in f32 (f64 for f64), rounded once. On dw's stream.
#include <algorithm>
#include <optional>

#include "ops/conv2d/conv2d_image_load.cuh"
#include "ops/conv2d/conv2d_op.h"
#include "runtime/launch.h"

namespace fornax::cuda {
namespace {

constexpr int block_threads = 128;
/// Taps that a thread sums at once: a kernel of 3 x 3.
constexpr int taps_at_once = 9;

template <class S>
struct DepthwiseGradWeight {
  ConvAxis vertical, horizontal;
  int multiplier;  // outputs per channel
  const S* x;
  ImageStrides x_strides;
  const S* dy;
  ImageStrides dy_strides;
  S* dw;
  ImageStrides dw_strides;
  int outputs, taps;

  Digits positions = {};
  int position_count = 0;
  int lanes = 1;  // adjacent channels of a block, a power of two
  int channel_blocks = 0, tap_blocks = 0, slices = 1, slice_positions = 0;

  __device__ void store(int output, int tap, accumulate_t<S> sum) const {
    const int u = tap / horizontal.kernel, v = tap - u * horizontal.kernel;
    dw[output * dw_strides.n + u * dw_strides.h + v * dw_strides.w] = convert<S>(sum);
  }
};

template <class S>
__global__ void __launch_bounds__(block_threads)
    depthwise_grad_weight(const DepthwiseGradWeight<S> d, accumulate_t<S>* partial) {
  using T = accumulate_t<S>;
  FORNAX_SHARED(T, shared, [taps_at_once][block_threads + 1]);
  const int thread = static_cast<int>(threadIdx.x);
  int block = static_cast<int>(blockIdx.x);
  const int first_output = block % d.channel_blocks * d.lanes;
  block /= d.channel_blocks;
  const int first_tap = block % d.tap_blocks * taps_at_once, slice = block / d.tap_blocks;

  const int output = first_output + thread % d.lanes;
  T sums[taps_at_once] = {};
  if (output < d.outputs) {
    const S* x = d.x + output / d.multiplier * d.x_strides.c;
    const S* dy = d.dy + output * d.dy_strides.c;
    const int begin = slice * d.slice_positions;
    const int end =
        d.position_count - begin < d.slice_positions ? d.position_count : begin + d.slice_positions;
    const int step = block_threads / d.lanes;
    const int first_u = first_tap / d.horizontal.kernel, first_v = first_tap - first_u * d.horizontal.kernel;
    for (int p = begin + thread / d.lanes; p < end; p += step) {
      const Digits::Values at = d.positions.split(static_cast<std::uint32_t>(p));
      const T gradient =
          convert<T>(dy[at.at[0] * d.dy_strides.n + at.at[1] * d.dy_strides.h + at.at[2] * d.dy_strides.w]);
      const S* image = x + at.at[0] * d.x_strides.n;
      const int y0 = at.at[1] * d.vertical.stride - d.vertical.padding;
      const int x0 = at.at[2] * d.horizontal.stride - d.horizontal.padding;
      int u = first_u, v = first_v;
#pragma unroll
      for (int t = 0; t < taps_at_once; ++t) {
        const int row = y0 + u * d.vertical.dilation, column = x0 + v * d.horizontal.dilation;
        if (u < d.vertical.kernel && row >= 0 && row < d.vertical.in && column >= 0 &&
            column < d.horizontal.in)
          sums[t] += gradient * convert<T>(image[row * d.x_strides.h + column * d.x_strides.w]);
        if (++v == d.horizontal.kernel) {
          v = 0;
          ++u;
        }
      }
    }
  }
#pragma unroll
  for (int t = 0; t < taps_at_once; ++t) shared[t][thread] = sums[t];
  __syncthreads();

  for (int i = thread; i < taps_at_once * d.lanes; i += block_threads) {
    const int t = i / d.lanes, lane = i % d.lanes, tap = first_tap + t, own = first_output + lane;
    if (tap >= d.taps || own >= d.outputs) continue;
    T sum = 0;
    for (int k = lane; k < block_threads; k += d.lanes) sum += shared[t][k];
    if (d.slices == 1)
      d.store(own, tap, sum);
    else
      partial[(std::int64_t{slice} * d.outputs + own) * d.taps + tap] = sum;
  }
}

template <class S>
__global__ void combine_slices(const DepthwiseGradWeight<S> d, const accumulate_t<S>* partial) {
  const std::int64_t count = std::int64_t{d.outputs} * d.taps, stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    accumulate_t<S> sum = 0;
    for (int slice = 0; slice < d.slices; ++slice) sum += partial[slice * count + i];
    d.store(static_cast<int>(i / d.taps), static_cast<int>(i % d.taps), sum);
  }
}

template <class S>
void run_as(const ops::Conv2dGradWeight& args, const ConvShape& shape) {
  using T = accumulate_t<S>;
  DepthwiseGradWeight<S> d{.vertical = shape.vertical,
                           .horizontal = shape.horizontal,
                           .multiplier = shape.outputs,
                           .x = args.x.ptr<const S>(),
                           .x_strides = ImageStrides(args.x),
                           .dy = args.dy.ptr<const S>(),
                           .dy_strides = ImageStrides(args.dy),
                           .dw = args.dw.ptr<S>(),
                           .dw_strides = ImageStrides(args.dw),
                           .outputs = static_cast<int>(args.dw.shape[0]),
                           .taps = shape.vertical.kernel * shape.horizontal.kernel};
  if (d.outputs == 0) return;
  d.positions = Digits(shape.vertical.out, shape.horizontal.out);
  d.position_count = shape.images * shape.vertical.out * shape.horizontal.out;
  if (d.dy_strides.c == 1)
    while (d.lanes < 32 && d.lanes < d.outputs) d.lanes *= 2;
  d.channel_blocks = (d.outputs + d.lanes - 1) / d.lanes;
  d.tap_blocks = (d.taps + taps_at_once - 1) / taps_at_once;

  // A slice is worth it from some positions per thread on; more blocks than a device runs are of no use.
  constexpr std::int64_t enough_blocks = 512, least_positions = 8;
  const std::int64_t blocks = std::int64_t{d.channel_blocks} * d.tap_blocks;
  const std::int64_t shortest = block_threads / d.lanes * least_positions;
  const std::int64_t most = std::max<std::int64_t>(1, d.position_count / shortest);
  d.slices = static_cast<int>(std::clamp<std::int64_t>(enough_blocks / blocks, 1, most));
  d.slice_positions = (d.position_count + d.slices - 1) / d.slices;

  const cudaStream_t stream = stream_for(args.dw);
  const std::int64_t count = std::int64_t{d.outputs} * d.taps;
  std::optional<Scratch> scratch;
  if (d.slices > 1) scratch.emplace(static_cast<std::size_t>(d.slices * count) * sizeof(T), stream);
  T* const partial = scratch ? scratch->as<T>() : nullptr;
  launch(depthwise_grad_weight<S>, dim3(static_cast<unsigned>(blocks * d.slices)), dim3(block_threads), 0,
         stream, d, partial);
  if (d.slices > 1) {
    launch(combine_slices<S>, dim3(grid_for(count)), dim3(elementwise_block), 0, stream, d, partial);
  }
}

void run(const ops::Conv2dGradWeight& args) {
  const ConvShape shape = conv_shape(args.x, args.dw, args.dy, args.params);
  visit_floating(args.dw.dtype, [&]<class S>(std::type_identity<S>) { run_as<S>(args, shape); });
}

}  // namespace
}  // namespace fornax::cuda

namespace fornax::ops {

constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_depthwise{
    {"depthwise", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradWeight& args) { return cuda::check_depthwise(args.x, args.dw, args.dy, args.params); },
    cuda::run};

}  // namespace fornax::ops
