// Policy: channels_last images in f32 and f64 are read and written where they lie, by cpu::conv_*; other
// layouts and 16-bit types are brought into that form around the call, which costs a few passes over memory.
// Weights of any strides are packed where they lie. Sums are in f32, of f64 in f64.
#include <optional>

#include "cpu/conv.h"
#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "ops/conv2d/conv2d_op.h"
#include "ops/copy/copy_op.h"

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
  Operand(const TensorView& x, Use use, bool any_strides) : x_(x), mine_(x) {
    if (!x.defined() || (x.dtype == dtype_of<T> && (any_strides || x.is_channels_last()))) return;
    scratch_.emplace(cpu::Scratch::of<T>(x.numel()));
    mine_.data = scratch_->template as<T>();
    mine_.dtype = dtype_of<T>;
    mine_.strides = strides_of(x.shape, MemoryFormat::channels_last);
    if (use == read) copy_cpu.run(Copy{mine_, x});
  }
  T* data() const { return mine_.ptr<T>(); }
  cpu::ConvWeight<T> weight() const {
    return {data(), mine_.strides[0], mine_.strides[1], mine_.strides[2], mine_.strides[3]};
  }
  /// Call when a tensor to be written is complete.
  void finish() const {
    if (scratch_) copy_cpu.run(Copy{x_, mine_});
  }

 private:
  const TensorView& x_;
  TensorView mine_;
  std::optional<cpu::Scratch> scratch_;
};

/// Calls f with the type that `dtype` is computed in.
template <class F>
void visit(DType dtype, F&& f) {
  if (dtype == f64) return f(double());
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
    const O x(args.x, O::read, false), w(args.w, O::read, true), residual(args.residual, O::read, false),
        y(args.y, O::write, false);
    const cpu::Scratch bias = cpu::Scratch::of<T>(args.bias.defined() ? args.w.shape[0] : 0);
    if (args.bias.defined())
      cpu::copy_to_compute(args.y.dtype)(args.bias.data, 0, 1, bias.as<T>(), 0, 1, args.w.shape[0]);
    cpu::conv_forward<T>(shape_of(args.x, args.w, args.y, args.params), x.data(), constant(w.weight()),
                         {.bias = args.bias.defined() ? bias.as<T>() : nullptr,
                          .residual = residual.data(),
                          .relu = args.activation == Activation::relu},
                         y.data());
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
