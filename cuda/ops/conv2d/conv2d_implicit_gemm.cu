// Policy: conv2d and its input gradient as products by the tiles of ops/common/tile.cuh, a batch per group;
// rows are positions of the image that is written, columns its channels, and the sum goes over the taps of
// the kernel and the channels that are read. The matrix of pixels under the kernel is never in memory: its
// elements are read from where they lie. For channels_last images in packs of channels, 16 bytes at a time;
// for others, and odd numbers of channels, by the element, adjacent positions side by side. Any strides. The
// input gradient is a batch per residue of the stride as well, so that no zeros are multiplied. Sums in f32
// (f64 for f64), rounded once. On the stream of the image that is written.
#include "ops/common/tile.cuh"
#include "ops/conv2d/conv2d_image_load.cuh"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::cuda {
namespace {

template <class S, bool packed>
using PositionLoad = ImageLoad<S, packed ? pack_size<S> : 1, true, packed>;

template <class S, bool packed>
struct Forward {
  using Element = S;
  int rows, columns, depth;
  PositionLoad<S, packed> x;
  StridedLoad<S, JoinedAxis, true> w;
  Output<S, JoinedAxis, true> y;
  std::int64_t x_group = 0, w_group = 0, y_group = 0;  // from one group to the next

  __device__ int depth_of(std::int64_t) const { return depth; }
  __device__ auto left(std::int64_t group) const {
    auto load = x;
    load.data += group * x_group;
    return load;
  }
  __device__ auto right(std::int64_t group) const {
    auto load = w;
    load.data += group * w_group;
    return load;
  }
  __device__ auto output(std::int64_t group) const {
    auto out = y;
    out.advance(group * y_group);
    if (out.bias) out.bias += group * columns;
    return out;
  }
};

template <class S, bool packed>
void run_forward(const ops::Conv2dForward& args, const ConvShape& shape) {
  const ConvAxis &vertical = shape.vertical, &horizontal = shape.horizontal;
  const ImageStrides w(args.w), y(args.y);
  Forward<S, packed> p{.rows = shape.images * vertical.out * horizontal.out,
                       .columns = shape.outputs,
                       .depth = vertical.kernel * horizontal.kernel * shape.channels,
                       .x = {args.x},
                       .w = {},
                       .y = {}};
  p.x_group = shape.channels * p.x.strides.c;
  p.w_group = shape.outputs * w.n;
  p.y_group = shape.outputs * y.c;

  p.x.lines = p.rows;
  p.x.positions = Digits(vertical.out, horizontal.out);
  p.x.channels_first = !packed && w.c != 1;  // as the weight lies in memory
  p.x.set_walk(vertical.forward(), horizontal.forward(), shape.channels);

  std::int64_t adjacent = 0;
  p.w.data = args.w.ptr<const S>();
  p.w.line_stride = w.n;
  p.w.lines = p.columns;
  if (p.x.channels_first) {
    p.w.steps = join_axes({shape.channels, vertical.kernel, horizontal.kernel}, {w.c, w.h, w.w}, adjacent);
  } else {
    p.w.steps = join_axes({vertical.kernel, horizontal.kernel, shape.channels}, {w.h, w.w, w.c}, adjacent);
  }
  p.w.packed = is_aligned(p.w.data, 16) &&
               are_multiples({adjacent, w.n, p.w.steps.strides[0], p.w.steps.strides[1]}, pack_size<S>);

  p.y.data = args.y.ptr<S>();
  p.y.rows = join_axes({shape.images, vertical.out, horizontal.out}, {y.n, y.h, y.w}, adjacent);
  p.y.column_stride = y.c;
  p.y.bias = args.bias.defined() ? args.bias.ptr<const S>() : nullptr;
  p.y.residual = args.residual.defined() ? args.residual.ptr<const S>() : nullptr;
  p.y.relu = args.activation == Activation::relu;
  p.y.row_count = p.rows;
  p.y.column_count = p.columns;
  const auto& strides = p.y.rows.strides;
  p.y.pack_along_columns({strides[0], strides[1], strides[2]});
  p.y.pack_along_rows(adjacent, {strides[0], strides[1], y.c});
  multiply(p, shape.groups, stream_for(args.y));
}

/// Rows that are the positions of one residue.
struct ResidueRows {
  Digits digits = {};
  ImageStrides strides;
  int height = 0, width = 0, vertical_stride = 1, horizontal_stride = 1;
  int vertical_residue = 0, horizontal_residue = 0;

  __device__ std::int64_t offset(int i) const {
    const Digits::Values at = digits.split(static_cast<std::uint32_t>(i));
    const int y = at.at[1] * vertical_stride + vertical_residue;
    const int x = at.at[2] * horizontal_stride + horizontal_residue;
    if (y >= height || x >= width) return -1;
    return at.at[0] * strides.n + y * strides.h + x * strides.w;
  }
};

template <class S, bool packed>
struct GradInput {
  using Element = S;
  int rows, columns, depth;
  ConvShape shape;
  PositionLoad<S, packed> dy;
  StridedLoad<S, JoinedAxis, false> w;
  ImageStrides w_strides;
  Output<S, ResidueRows> dx;

  /// A batch is a residue along both axes, of a group.
  struct Batch {
    int group, vertical_residue, horizontal_residue;
    TapAxis vertical, horizontal;
  };
  __device__ Batch at(std::int64_t batch) const {
    const int widths = shape.horizontal.residues(), heights = shape.vertical.residues();
    Batch result;
    result.horizontal_residue = static_cast<int>(batch % widths);
    result.vertical_residue = static_cast<int>(batch / widths % heights);
    result.group = static_cast<int>(batch / widths / heights);
    result.vertical = shape.vertical.gradient(result.vertical_residue);
    result.horizontal = shape.horizontal.gradient(result.horizontal_residue);
    return result;
  }
  __device__ int depth_of(std::int64_t batch) const {
    const Batch own = at(batch);
    return own.vertical.count * own.horizontal.count * shape.outputs;
  }
  __device__ auto left(std::int64_t batch) const {
    const Batch own = at(batch);
    auto load = dy;
    load.data += own.group * shape.outputs * load.strides.c;
    load.set_walk(own.vertical, own.horizontal, shape.outputs);
    return load;
  }
  __device__ auto right(std::int64_t batch) const {
    const Batch own = at(batch);
    auto load = w;
    load.data += own.group * shape.outputs * w_strides.n + own.vertical.first * w_strides.h +
                 own.horizontal.first * w_strides.w;
    const std::int64_t u = own.vertical.every * w_strides.h, v = own.horizontal.every * w_strides.w;
    load.steps.digits = left(batch).taps;
    load.steps.strides[0] = dy.channels_first ? w_strides.n : u;
    load.steps.strides[1] = dy.channels_first ? u : v;
    load.steps.strides[2] = dy.channels_first ? v : w_strides.n;
    return load;
  }
  __device__ auto output(std::int64_t batch) const {
    const Batch own = at(batch);
    auto out = dx;
    out.data += own.group * columns * out.rows.strides.c;
    out.rows.vertical_residue = own.vertical_residue;
    out.rows.horizontal_residue = own.horizontal_residue;
    return out;
  }
};

template <class S, bool packed>
void run_grad_input(const ops::Conv2dGradInput& args, const ConvShape& shape) {
  const ConvAxis &vertical = shape.vertical, &horizontal = shape.horizontal;
  const ImageStrides w(args.w), dx(args.dx);
  GradInput<S, packed> p{.rows = shape.images * vertical.positions() * horizontal.positions(),
                         .columns = shape.channels,
                         .depth = vertical.most_taps() * horizontal.most_taps() * shape.outputs,
                         .shape = shape,
                         .dy = {args.dy},
                         .w = {},
                         .w_strides = w,
                         .dx = {.rows = {.strides = dx}}};
  p.dy.lines = p.rows;
  p.dy.positions = Digits(vertical.positions(), horizontal.positions());
  p.dy.channels_first = !packed;

  p.w.data = args.w.ptr<const S>();
  p.w.line_stride = w.c;
  p.w.lines = p.columns;
  p.w.packed =
      w.c == 1 && is_aligned(p.w.data, 16) && are_multiples({p.columns, w.n, w.h, w.w}, pack_size<S>);

  p.dx.data = args.dx.ptr<S>();
  p.dx.rows.digits = p.dy.positions;
  p.dx.rows.height = vertical.in;
  p.dx.rows.width = horizontal.in;
  p.dx.rows.vertical_stride = vertical.stride;
  p.dx.rows.horizontal_stride = horizontal.stride;
  p.dx.column_stride = dx.c;
  p.dx.row_count = p.rows;
  p.dx.column_count = p.columns;
  p.dx.pack_along_columns({dx.n, dx.h, dx.w});
  const int residues = vertical.residues() * horizontal.residues();
  if (residues == 1) {
    std::int64_t adjacent = 0;
    const JoinedAxis rows =
        join_axes({shape.images, vertical.in, horizontal.in}, {dx.n, dx.h, dx.w}, adjacent);
    p.dx.pack_along_rows(adjacent, {rows.strides[0], rows.strides[1], dx.c});
  }
  multiply(p, std::int64_t{shape.groups} * residues, stream_for(args.dx));
}

}  // namespace
}  // namespace fornax::cuda

namespace fornax::ops {

constinit const dispatch::Kernel<Conv2dForward> conv2d_implicit_gemm{
    {"implicit_gemm", DeviceType::cuda, floating_dtypes},
    [](const Conv2dForward& args) { return cuda::check_conv_sizes(args.x, args.w, args.y, args.params); },
    [](const Conv2dForward& args) {
      const cuda::ConvShape shape = cuda::conv_shape(args.x, args.w, args.y, args.params);
      visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
        if (cuda::has_packed_channels<S>(args.x, shape.channels))
          cuda::run_forward<S, true>(args, shape);
        else
          cuda::run_forward<S, false>(args, shape);
      });
    }};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_implicit_gemm{
    {"implicit_gemm", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradInput& args) { return cuda::check_conv_sizes(args.dx, args.w, args.dy, args.params); },
    [](const Conv2dGradInput& args) {
      const cuda::ConvShape shape = cuda::conv_shape(args.dx, args.w, args.dy, args.params);
      visit_floating(args.dx.dtype, [&]<class S>(std::type_identity<S>) {
        if (cuda::has_packed_channels<S>(args.dy, shape.outputs))
          cuda::run_grad_input<S, true>(args, shape);
        else
          cuda::run_grad_input<S, false>(args, shape);
      });
    }};

}  // namespace fornax::ops
