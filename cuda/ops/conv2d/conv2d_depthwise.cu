// Policy: convolutions of one channel per group and their input gradients, without tiles. A thread computes a
// few adjacent positions along the width, of one channel or, where channels are adjacent in both images and
// each makes one output, of a pack of 16 bytes of them; so it uses each weight several times, which comes
// from the caches. Threads go over channels first if these are adjacent, else over positions. Any strides.
// Sums in f32 (f64 for f64), rounded once. On the stream of the image that is written.
#include "ops/conv2d/conv2d_image_load.cuh"
#include "ops/conv2d/conv2d_op.h"
#include "runtime/launch.h"

namespace fornax::cuda {
namespace {

/// Positions along the width that a thread computes.
constexpr int strip = 4;

template <class S>
struct Depthwise {
  ConvAxis vertical, horizontal;
  int multiplier;  // outputs per channel
  const S* from;
  ImageStrides from_strides;
  int from_height, from_width;
  const S* weight;
  ImageStrides weight_strides;
  const S *bias, *residual;  // residual is laid out as to
  bool relu;
  S* to;
  ImageStrides to_strides;
  int to_height, to_width;

  std::uint32_t threads = 0;
  bool channels_fastest = false;
  Divider packs = {}, strips = {}, rows = {}, images = {}, horizontal_residues = {};

  /// What thread `index` computes: from position (y, x) of a residue on.
  struct Work {
    int image, channel, y, x, vertical_residue, horizontal_residue;
  };
  __device__ static int take(std::uint32_t& index, const Divider& by) {
    const std::uint32_t rest = by.divide(index), digit = index - rest * by.divisor;
    index = rest;
    return static_cast<int>(digit);
  }
  __device__ Work work(std::uint32_t index, int channels_of_pack) const {
    Work work;
    if (channels_fastest) work.channel = take(index, packs) * channels_of_pack;
    work.x = take(index, strips) * strip;
    work.y = take(index, rows);
    if (!channels_fastest) work.channel = take(index, packs) * channels_of_pack;
    work.image = take(index, images);
    work.horizontal_residue = take(index, horizontal_residues);
    work.vertical_residue = static_cast<int>(index);
    return work;
  }
};

/// conv2d, or its input gradient. `pack` channels a thread.
template <class S, int pack, bool is_gradient>
__global__ void depthwise_kernel(const Depthwise<S> d) {
  using T = accumulate_t<S>;
  const std::uint32_t stride = gridDim.x * blockDim.x;
  for (std::uint32_t index = blockIdx.x * blockDim.x + threadIdx.x; index < d.threads; index += stride) {
    const auto work = d.work(index, pack);
    const TapAxis vertical = is_gradient ? d.vertical.gradient(work.vertical_residue) : d.vertical.forward();
    const TapAxis horizontal =
        is_gradient ? d.horizontal.gradient(work.horizontal_residue) : d.horizontal.forward();
    const int y0 = work.y * vertical.scale + vertical.origin;
    const int x0 = work.x * horizontal.scale + horizontal.origin;

    T sums[strip][pack] = {};
    const int sources = is_gradient ? d.multiplier : 1;
    for (int source = 0; source < sources; ++source) {
      const int channel = is_gradient ? work.channel * d.multiplier + source : work.channel / d.multiplier;
      const S* image = d.from + work.image * d.from_strides.n + channel * d.from_strides.c;
      const S* filter = d.weight + (is_gradient ? channel : work.channel) * d.weight_strides.n;
      for (int u = 0; u < vertical.count; ++u) {
        const int y = y0 + u * vertical.step;
        if (y < 0 || y >= d.from_height) continue;
        const S* image_row = image + y * d.from_strides.h;
        const S* filter_row = filter + (vertical.first + u * vertical.every) * d.weight_strides.h;
        for (int v = 0; v < horizontal.count; ++v) {
          const S* tap = filter_row + (horizontal.first + v * horizontal.every) * d.weight_strides.w;
          T weights[pack];
#pragma unroll
          for (int c = 0; c < pack; ++c) weights[c] = convert<T>(tap[c * d.weight_strides.n]);
#pragma unroll
          for (int j = 0; j < strip; ++j) {
            const int x = x0 + j * horizontal.scale + v * horizontal.step;
            if (x < 0 || x >= d.from_width) continue;
            const Pack<S, pack> values = load_pack<pack>(image_row + x * d.from_strides.w);
#pragma unroll
            for (int c = 0; c < pack; ++c) sums[j][c] += convert<T>(values[c]) * weights[c];
          }
        }
      }
    }

    const int y = is_gradient ? work.y * d.vertical.stride + work.vertical_residue : work.y;
    if (y >= d.to_height) continue;
    const std::int64_t row = work.image * d.to_strides.n + work.channel * d.to_strides.c + y * d.to_strides.h;
#pragma unroll
    for (int j = 0; j < strip; ++j) {
      const int p = work.x + j;
      const int x = is_gradient ? p * d.horizontal.stride + work.horizontal_residue : p;
      if (x >= d.to_width) break;
      const std::int64_t at = row + x * d.to_strides.w;
      Pack<S, pack> result = d.residual ? load_pack<pack>(d.residual + at) : Pack<S, pack>{};
#pragma unroll
      for (int c = 0; c < pack; ++c) {
        const T bias = d.bias ? convert<T>(d.bias[work.channel + c]) : T(0);
        const T sum = sums[j][c] + bias + convert<T>(result[c]);
        result[c] = convert<S>(d.relu && sum <= 0 ? T(0) : sum);
      }
      store_pack(d.to + at, result);
    }
  }
}

/// `rows` and `columns` are the positions of a residue of `to`.
template <class S, bool is_gradient>
void run(const ConvShape& shape, const TensorView& from, const TensorView& w, const TensorView& to, int rows,
         int columns, int vertical_residues, int horizontal_residues, const ops::Conv2dForward& epilogue) {
  const auto channels = static_cast<int>(to.shape[1]);
  Depthwise<S> d{.vertical = shape.vertical,
                 .horizontal = shape.horizontal,
                 .multiplier = shape.outputs,
                 .from = from.ptr<const S>(),
                 .from_strides = ImageStrides(from),
                 .from_height = static_cast<int>(from.shape[2]),
                 .from_width = static_cast<int>(from.shape[3]),
                 .weight = w.ptr<const S>(),
                 .weight_strides = ImageStrides(w),
                 .bias = epilogue.bias.ptr<const S>(),
                 .residual = epilogue.residual.ptr<const S>(),
                 .relu = epilogue.activation == Activation::relu,
                 .to = to.ptr<S>(),
                 .to_strides = ImageStrides(to),
                 .to_height = static_cast<int>(to.shape[2]),
                 .to_width = static_cast<int>(to.shape[3])};
  const bool packed = shape.outputs == 1 && has_packed_channels<S>(from, channels) &&
                      has_packed_channels<S>(to, channels) && is_aligned(d.residual, 16);
  const int packs = packed ? channels / pack_size<S> : channels, strips = (columns + strip - 1) / strip;
  const std::int64_t threads =
      std::int64_t{vertical_residues} * horizontal_residues * shape.images * rows * strips * packs;
  if (threads == 0) return;
  d.threads = static_cast<std::uint32_t>(threads);
  d.channels_fastest = d.to_strides.c == 1;
  d.packs = Divider(packs);
  d.strips = Divider(strips);
  d.rows = Divider(rows);
  d.images = Divider(shape.images);
  d.horizontal_residues = Divider(horizontal_residues);
  const dim3 grid(grid_for(threads)), block(elementwise_block);
  if (packed)
    launch(depthwise_kernel<S, pack_size<S>, is_gradient>, grid, block, 0, stream_for(to), d);
  else
    launch(depthwise_kernel<S, 1, is_gradient>, grid, block, 0, stream_for(to), d);
}

void run_forward(const ops::Conv2dForward& args) {
  const ConvShape shape = conv_shape(args.x, args.w, args.y, args.params);
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    run<S, false>(shape, args.x, args.w, args.y, shape.vertical.out, shape.horizontal.out, 1, 1, args);
  });
}

void run_grad_input(const ops::Conv2dGradInput& args) {
  const ConvShape shape = conv_shape(args.dx, args.w, args.dy, args.params);
  visit_floating(args.dx.dtype, [&]<class S>(std::type_identity<S>) {
    run<S, true>(shape, args.dy, args.w, args.dx, shape.vertical.positions(), shape.horizontal.positions(),
                 shape.vertical.residues(), shape.horizontal.residues(), {});
  });
}

}  // namespace
}  // namespace fornax::cuda

namespace fornax::ops {

constinit const dispatch::Kernel<Conv2dForward> conv2d_depthwise{
    {"depthwise", DeviceType::cuda, floating_dtypes},
    [](const Conv2dForward& args) { return cuda::check_depthwise(args.x, args.w, args.y, args.params); },
    cuda::run_forward};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_depthwise{
    {"depthwise", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradInput& args) { return cuda::check_depthwise(args.dx, args.w, args.dy, args.params); },
    cuda::run_grad_input};

}  // namespace fornax::ops
