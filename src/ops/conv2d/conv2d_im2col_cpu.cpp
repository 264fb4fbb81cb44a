// Policy: the reference, for any dtype and any strides. Per image and group the pixels under the kernel
// become the rows of a matrix [pixels, kh * kw * channels], in f32 (f64 for f64), and cpu::gemm does the
// rest. Images are shared out among the threads, except where the weight's gradient is summed over them:
// there each product runs on all threads.
#include <algorithm>

#include "cpu/gemm.h"
#include "cpu/scratch.h"
#include "fornax/base/parallel.h"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {
namespace {

using Index = std::int64_t;
using cpu::Scratch;

/// Sizes of one group of one image. S is the element type, T the type it is computed in.
template <class S>
struct Lowering {
  using T = accumulate_t<S>;
  Conv2dParams p;
  Index channels, height, width, outputs, out_height, out_width, kernel_height, kernel_width;
  Index pixels = out_height * out_width, row = kernel_height * kernel_width * channels;

  Lowering(const TensorView& x, const TensorView& w, const TensorView& y, const Conv2dParams& params)
      : p(params),
        channels(w.shape[1]),
        height(x.shape[2]),
        width(x.shape[3]),
        outputs(w.shape[0] / params.groups),
        out_height(y.shape[2]),
        out_width(y.shape[3]),
        kernel_height(w.shape[2]),
        kernel_width(w.shape[3]) {}

  /// Calls f(entry, y, x, c) for the entries of pixel row `i` that lie inside of the image.
  template <class F>
  void under_kernel(Index i, F&& f) const {
    for (Index j = 0, entry = i * out_width * row; j < out_width; ++j) {
      for (Index u = 0; u < kernel_height; ++u) {
        const Index y = i * p.stride.h - p.padding.h + u * p.dilation.h;
        for (Index v = 0; v < kernel_width; ++v, entry += channels) {
          const Index x = j * p.stride.w - p.padding.w + v * p.dilation.w;
          if (y >= 0 && y < height && x >= 0 && x < width) f(entry, y, x);
        }
      }
    }
  }

  static const S* image(const TensorView& x, Index n, Index channel) {
    return x.ptr<const S>() + n * x.strides[0] + channel * x.strides[1];
  }

  /// The matrix of image `n`, group `g`.
  void columns(const TensorView& x, Index n, Index g, T* matrix) const {
    const S* from = image(x, n, g * channels);
    parallel_for(0, out_height, 1, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        std::fill_n(matrix + i * out_width * row, out_width * row, T(0));
        under_kernel(i, [&](Index entry, Index at_y, Index at_x) {
          const S* pixel = from + at_y * x.strides[2] + at_x * x.strides[3];
          for (Index c = 0; c < channels; ++c) matrix[entry + c] = T(pixel[c * x.strides[1]]);
        });
      }
    });
  }
  /// Sums the entries of `matrix` over the pixels they came from; `sums` is [height, width, channels].
  void add_columns(const T* matrix, T* sums) const {
    std::fill_n(sums, height * width * channels, T(0));
    for (Index i = 0; i < out_height; ++i) {
      under_kernel(i, [&](Index entry, Index y, Index x) {
        T* pixel = sums + (y * width + x) * channels;
        for (Index c = 0; c < channels; ++c) pixel[c] += matrix[entry + c];
      });
    }
  }

  /// Image `n`'s channels [channel, channel + count) as [pixels, count], and back.
  static void gather(const TensorView& x, Index n, Index channel, Index count, T* to) {
    const S* from = image(x, n, channel);
    for (Index i = 0; i < x.shape[2]; ++i) {
      for (Index j = 0; j < x.shape[3]; ++j) {
        for (Index c = 0; c < count; ++c)
          *to++ = T(from[c * x.strides[1] + i * x.strides[2] + j * x.strides[3]]);
      }
    }
  }
  static void scatter(const T* from, const TensorView& x, Index n, Index channel, Index count) {
    S* to = x.ptr<S>() + n * x.strides[0] + channel * x.strides[1];
    for (Index i = 0; i < x.shape[2]; ++i) {
      for (Index j = 0; j < x.shape[3]; ++j) {
        for (Index c = 0; c < count; ++c)
          to[c * x.strides[1] + i * x.strides[2] + j * x.strides[3]] = S(*from++);
      }
    }
  }
  /// w as [groups * outputs, row]: an output channel is gathered like an image.
  Scratch weights(const TensorView& w) const {
    Scratch dense = Scratch::of<T>(w.shape[0] * row);
    for (Index o = 0; o < w.shape[0]; ++o) gather(w, o, 0, channels, dense.as<T>() + o * row);
    return dense;
  }
};

template <class S>
void forward(const Conv2dForward& args) {
  using T = accumulate_t<S>;
  const Lowering<S> low(args.x, args.w, args.y, args.params);
  const Scratch weights = low.weights(args.w);
  const Index groups = args.params.groups;
  Scratch bias = Scratch::of<T>(args.w.shape[0]);
  for (Index o = 0; args.bias.defined() && o < args.w.shape[0]; ++o)
    bias.as<T>()[o] = T(args.bias.ptr<const S>()[o]);
  parallel_for(0, args.x.shape[0] * groups, 1, [&](Index first, Index last) {
    const Scratch matrix = Scratch::of<T>(low.pixels * low.row), y = Scratch::of<T>(low.pixels * low.outputs);
    const bool adds = args.residual.defined();
    for (Index i = first; i < last; ++i) {
      const Index n = i / groups, g = i % groups;
      low.columns(args.x, n, g, matrix.as<T>());
      if (adds) low.gather(args.residual, n, g * low.outputs, low.outputs, y.as<T>());
      cpu::gemm({.dtype = dtype_of<T>,
                 .m = low.pixels,
                 .n = low.outputs,
                 .k = low.row,
                 .a = matrix.as<T>(),
                 .a_row = low.row,
                 .b = weights.as<T>() + g * low.outputs * low.row,
                 .b_row = 1,
                 .b_column = low.row,
                 .c = y.as<T>(),
                 .c_row = low.outputs,
                 .bias = args.bias.defined() ? bias.as<T>() + g * low.outputs : nullptr,
                 .accumulate = adds,
                 .relu = args.activation == Activation::relu});
      low.scatter(y.as<T>(), args.y, n, g * low.outputs, low.outputs);
    }
  });
}

template <class S>
void grad_input(const Conv2dGradInput& args) {
  using T = accumulate_t<S>;
  const Lowering<S> low(args.dx, args.w, args.dy, args.params);
  const Scratch weights = low.weights(args.w);
  const Index groups = args.params.groups;
  parallel_for(0, args.dx.shape[0] * groups, 1, [&](Index first, Index last) {
    const Scratch matrix = Scratch::of<T>(low.pixels * low.row),
                  dy = Scratch::of<T>(low.pixels * low.outputs);
    const Scratch dx = Scratch::of<T>(low.height * low.width * low.channels);
    for (Index i = first; i < last; ++i) {
      const Index n = i / groups, g = i % groups;
      low.gather(args.dy, n, g * low.outputs, low.outputs, dy.as<T>());
      cpu::gemm({.dtype = dtype_of<T>,
                 .m = low.pixels,
                 .n = low.row,
                 .k = low.outputs,
                 .a = dy.as<T>(),
                 .a_row = low.outputs,
                 .b = weights.as<T>() + g * low.outputs * low.row,
                 .b_row = low.row,
                 .c = matrix.as<T>(),
                 .c_row = low.row});
      low.add_columns(matrix.as<T>(), dx.as<T>());
      low.scatter(dx.as<T>(), args.dx, n, g * low.channels, low.channels);
    }
  });
}

template <class S>
void grad_weight(const Conv2dGradWeight& args) {
  using T = accumulate_t<S>;
  const Lowering<S> low(args.x, args.dw, args.dy, args.params);
  const Scratch matrix = Scratch::of<T>(low.pixels * low.row), dy = Scratch::of<T>(low.pixels * low.outputs);
  const Scratch dw = Scratch::of<T>(low.outputs * low.row);
  for (Index g = 0; g < args.params.groups; ++g) {
    std::fill_n(dw.as<T>(), low.outputs * low.row, T(0));
    for (Index n = 0; n < args.x.shape[0]; ++n) {
      low.columns(args.x, n, g, matrix.as<T>());
      low.gather(args.dy, n, g * low.outputs, low.outputs, dy.as<T>());
      cpu::gemm({.dtype = dtype_of<T>,
                 .m = low.outputs,
                 .n = low.row,
                 .k = low.pixels,
                 .a = dy.as<T>(),
                 .a_row = 1,
                 .a_column = low.outputs,
                 .b = matrix.as<T>(),
                 .b_row = low.row,
                 .c = dw.as<T>(),
                 .c_row = low.row,
                 .accumulate = true});
    }
    for (Index o = 0; o < low.outputs; ++o) {
      low.scatter(dw.as<T>() + o * low.row, args.dw, g * low.outputs + o, 0, low.channels);
    }
  }
}

template <class Args>
dispatch::Refusal any(const Args&) {
  return dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_im2col{
    {"im2col", DeviceType::cpu, floating_dtypes}, any, [](const Conv2dForward& args) {
      visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) { forward<S>(args); });
    }};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_im2col{
    {"im2col", DeviceType::cpu, floating_dtypes}, any, [](const Conv2dGradInput& args) {
      visit_floating(args.dx.dtype, [&]<class S>(std::type_identity<S>) { grad_input<S>(args); });
    }};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_im2col{
    {"im2col", DeviceType::cpu, floating_dtypes}, any, [](const Conv2dGradWeight& args) {
      visit_floating(args.dw.dtype, [&]<class S>(std::type_identity<S>) { grad_weight<S>(args); });
    }};

}  // namespace fornax::ops
