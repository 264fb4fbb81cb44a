// Policy: channels_last images in f32 and f64 are read and written where they lie, by cpu::conv_*; other
// layouts and 16-bit types are brought into that form around the call, which costs a few passes over memory.
// Weights of any strides are packed where they lie. Sums are in f32, of f64 in f64.
#include <algorithm>
#include <optional>

#include "cpu/conv.h"
#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "fornax/base/parallel.h"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {
namespace {

cpu::ConvShape shape_of(const TensorView& x, const TensorView& w, const TensorView& y,
                        const Conv2dParams& p) {
  return {.n = x.shape[0],
          .ic = x.shape[1],
          .ih = x.shape[2],
          .iw = x.shape[3],
          .oc = y.shape[1],
          .oh = y.shape[2],
          .ow = y.shape[3],
          .kh = w.shape[2],
          .kw = w.shape[3],
          .stride = p.stride,
          .padding = p.padding,
          .dilation = p.dilation,
          .groups = p.groups};
}

/// A tensor as cpu::conv_* want it: its own memory where that will do, else a channels_last copy in the
/// compute type T.
template <class T>
class Operand {
 public:
  enum Use { read, write };
  /// `any_strides`: the memory will do whatever its strides are, as a weight's.
  Operand(const TensorView& x, Use use, bool any_strides) : x_(x) {
    if (!x.defined() || (x.dtype == dtype_of<T> && (any_strides || x.is_channels_last()))) return;
    copy_.emplace(cpu::Scratch::of<T>(x.numel()));
    if (use == read) read_copy();
  }
  T* data() const { return copy_ ? copy_->template as<T>() : x_.ptr<T>(); }
  cpu::ConvWeight<T> weight() const {
    if (!copy_) return {x_.ptr<T>(), x_.strides[0], x_.strides[1], x_.strides[2], x_.strides[3]};
    return {data(), channels() * pixels(), 1, x_.shape[3] * channels(), channels()};
  }
  /// Call when a tensor to be written is complete. It is dense.
  void finish() const {
    if (!copy_) return;
    const cpu::Copy copy = cpu::copy_from_compute(x_.dtype);
    for_pixels([&](Index n, Index first, Index count) {
      const T* from = data() + (n * pixels() + first) * channels();
      if (x_.is_channels_last())
        copy(from, channels(), 1, at(n, first * channels()), channels(), count, channels());
      else
        copy(from, 1, channels(), at(n, first), pixels(), channels(), count);
    });
  }

 private:
  using Index = std::int64_t;

  void read_copy() const {
    const cpu::Copy copy = cpu::copy_to_compute(x_.dtype);
    const Index width = x_.shape[3], rows_follow = x_.strides[2] == width * x_.strides[3];
    for_pixels([&](Index n, Index first, Index count) {
      const Index piece = rows_follow ? count : 1;
      for (Index p = first; p < first + count; p += piece) {
        const Index offset =
            rows_follow ? p * x_.strides[3] : p / width * x_.strides[2] + p % width * x_.strides[3];
        copy(at(n, offset), x_.strides[3], x_.strides[1], data() + (n * pixels() + p) * channels(),
             channels(), piece, channels());
      }
    });
  }

  /// Calls f(image, first pixel, count) for pieces that cover the tensor, on all threads.
  template <class F>
  void for_pixels(F&& f) const {
    constexpr Index most = 256;
    const Index pieces = (pixels() + most - 1) / most;
    parallel_for(0, x_.shape[0] * pieces, 1 + 16384 / (most * channels() + 1), [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        const Index first = i % pieces * most;
        f(i / pieces, first, std::min(most, pixels() - first));
      }
    });
  }
  Index channels() const { return x_.shape[1]; }
  Index pixels() const { return x_.shape[2] * x_.shape[3]; }
  void* at(Index n, Index offset) const {
    return x_.ptr<char>() + (n * x_.strides[0] + offset) * static_cast<Index>(size_of(x_.dtype));
  }

  const TensorView& x_;
  std::optional<cpu::Scratch> copy_;
};

/// Calls f with the type that `dtype` is computed in.
template <class F>
void visit(DType dtype, F&& f) {
  if (dtype == f64)
    f(double());
  else
    f(float());
}

dispatch::Refusal needs_dense(const TensorView& output) {
  return output.is_contiguous() || output.is_channels_last() ? dispatch::accepts : "the output is not dense";
}

template <class T>
cpu::ConvWeight<const T> constant(const cpu::ConvWeight<T>& w) {
  return {w.data, w.oc, w.ic, w.kh, w.kw};
}

void forward(const Conv2dForward& args) {
  visit(args.y.dtype, [&]<class T>(T) {
    using O = Operand<T>;
    const O x(args.x, O::read, false), w(args.w, O::read, true), y(args.y, O::write, false);
    const cpu::Scratch bias = cpu::Scratch::of<T>(args.bias.defined() ? args.w.shape[0] : 0);
    if (args.bias.defined())
      cpu::copy_to_compute(args.y.dtype)(args.bias.data, 0, 1, bias.as<T>(), 0, 1, args.w.shape[0]);
    cpu::conv_forward<T>(shape_of(args.x, args.w, args.y, args.params), x.data(), constant(w.weight()),
                         args.bias.defined() ? bias.as<T>() : nullptr, y.data());
    y.finish();
  });
}

void grad_input(const Conv2dGradInput& args) {
  visit(args.dx.dtype, [&]<class T>(T) {
    using O = Operand<T>;
    const O dy(args.dy, O::read, false), w(args.w, O::read, true), dx(args.dx, O::write, false);
    cpu::conv_grad_input<T>(shape_of(args.dx, args.w, args.dy, args.params), dy.data(), constant(w.weight()),
                            dx.data());
    dx.finish();
  });
}

void grad_weight(const Conv2dGradWeight& args) {
  visit(args.dw.dtype, [&]<class T>(T) {
    using O = Operand<T>;
    const O dy(args.dy, O::read, false), x(args.x, O::read, false), dw(args.dw, O::write, true);
    cpu::conv_grad_weight<T>(shape_of(args.x, args.dw, args.dy, args.params), dy.data(), x.data(),
                             dw.weight());
    dw.finish();
  });
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dForward& args) { return needs_dense(args.y); },
    forward};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dGradInput& args) { return needs_dense(args.dx); },
    grad_input};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dGradWeight& args) { return needs_dense(args.dw); },
    grad_weight};

}  // namespace fornax::ops
