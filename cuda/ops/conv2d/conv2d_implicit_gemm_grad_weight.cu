// Policy: the gradient of conv2d's weight as a product by the tiles of ops/common/tile.cuh, a batch per
// group; rows are the taps of the kernel with the channels of x, columns the channels of dy, and the sum goes
// over all positions of dy, in slices that are added in order. Packs of 16 bytes: along the channels of x and
// dy where they are adjacent, or along the positions of dy. Any strides. Sums in f32 (f64 for f64), rounded
// once. On dw's stream.
#include "ops/common/tile.cuh"
#include "ops/conv2d/conv2d_image_load.cuh"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::cuda {
namespace {

/// How x and dy are read: both by channels, x by `pack` of them, or both along the positions.
template <class S, int pack, bool along_positions>
struct GradWeight {
  using Element = S;
  int rows, columns, depth;
  ImageLoad<S, pack, false, along_positions> x;
  StridedLoad<S, JoinedAxis, along_positions> dy;
  Output<S, JoinedAxis> dw;
  std::int64_t x_group = 0, dy_group = 0, dw_group = 0;  // from one group to the next

  __device__ int depth_of(std::int64_t) const { return depth; }
  __device__ auto left(std::int64_t group) const {
    auto load = x;
    load.data += group * x_group;
    return load;
  }
  __device__ auto right(std::int64_t group) const {
    auto load = dy;
    load.data += group * dy_group;
    return load;
  }
  __device__ auto output(std::int64_t group) const {
    auto out = dw;
    out.data += group * dw_group;
    return out;
  }
};

template <class S, int pack, bool along_positions>
void run_as(const ops::Conv2dGradWeight& args, const ConvShape& shape) {
  const ConvAxis &vertical = shape.vertical, &horizontal = shape.horizontal;
  const ImageStrides dy(args.dy), dw(args.dw);
  GradWeight<S, pack, along_positions> p{.rows = vertical.kernel * horizontal.kernel * shape.channels,
                                         .columns = shape.outputs,
                                         .depth = shape.images * vertical.out * horizontal.out,
                                         .x = {args.x},
                                         .dy = {},
                                         .dw = {}};
  p.x_group = shape.channels * p.x.strides.c;
  p.dy_group = shape.outputs * dy.c;
  p.dw_group = shape.outputs * dw.n;

  p.x.lines = p.rows;
  p.x.positions = Digits(vertical.out, horizontal.out);
  p.x.channels_first = along_positions;
  p.x.set_walk(vertical.forward(), horizontal.forward(), shape.channels);

  std::int64_t adjacent = 0;
  p.dy.data = args.dy.ptr<const S>();
  p.dy.line_stride = dy.c;
  p.dy.steps = join_axes({shape.images, vertical.out, horizontal.out}, {dy.n, dy.h, dy.w}, adjacent);
  p.dy.lines = p.columns;
  const auto& steps = p.dy.steps.strides;
  p.dy.packed = is_aligned(p.dy.data, 16) &&
                (along_positions ? are_multiples({adjacent, dy.c, steps[0], steps[1]}, pack_size<S>)
                                 : dy.c == 1 && are_multiples({p.columns, dy.n, dy.h, dy.w}, pack_size<S>));

  p.dw.data = args.dw.ptr<S>();
  if (p.x.channels_first) {
    p.dw.rows = join_axes({shape.channels, vertical.kernel, horizontal.kernel}, {dw.c, dw.h, dw.w}, adjacent);
  } else {
    p.dw.rows = join_axes({vertical.kernel, horizontal.kernel, shape.channels}, {dw.h, dw.w, dw.c}, adjacent);
  }
  p.dw.column_stride = dw.n;
  p.dw.row_count = p.rows;
  p.dw.column_count = p.columns;
  p.dw.pack_along_rows(adjacent, {p.dw.rows.strides[0], p.dw.rows.strides[1], dw.n});
  multiply(p, shape.groups, stream_for(args.dw));
}

void run(const ops::Conv2dGradWeight& args) {
  const ConvShape shape = conv_shape(args.x, args.dw, args.dy, args.params);
  visit_floating(args.dw.dtype, [&]<class S>(std::type_identity<S>) {
    if (has_packed_channels<S>(args.x, shape.channels)) return run_as<S, pack_size<S>, false>(args, shape);
    if (args.x.strides[1] == 1 || args.dy.strides[1] == 1) return run_as<S, 1, false>(args, shape);
    run_as<S, 1, true>(args, shape);
  });
}

}  // namespace
}  // namespace fornax::cuda

namespace fornax::ops {

constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_implicit_gemm{
    {"implicit_gemm", DeviceType::cuda, floating_dtypes},
    [](const Conv2dGradWeight& args) {
      return cuda::check_conv_sizes(args.x, args.dw, args.dy, args.params);
    },
    cuda::run};

}  // namespace fornax::ops
