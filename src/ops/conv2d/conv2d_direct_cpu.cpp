// Policy: channels_last images, read and written where they lie; weights of either dense format are packed by
// cpu::conv_*. f32 and f64 sum in their own type.
#include "cpu/conv.h"
#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {
namespace {

dispatch::Refusal needs_channels_last(const TensorView& a, const TensorView& b) {
  return a.is_channels_last() && b.is_channels_last() ? dispatch::accepts : "images are not channels_last";
}

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

template <class T>
cpu::ConvWeight<T> weight_of(const TensorView& w) {
  return {w.ptr<T>(), w.strides[0], w.strides[1], w.strides[2], w.strides[3]};
}

/// Calls f with float or double.
template <class F>
void visit(DType dtype, F&& f) {
  if (dtype == f64)
    f(double());
  else
    f(float());
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_direct{
    {"direct", DeviceType::cpu, {f32, f64}},
    [](const Conv2dForward& args) { return needs_channels_last(args.x, args.y); },
    [](const Conv2dForward& args) {
      visit(args.y.dtype, [&]<class T>(T) {
        cpu::conv_forward<T>(shape_of(args.x, args.w, args.y, args.params), args.x.ptr<const T>(),
                             weight_of<const T>(args.w), args.bias.ptr<const T>(), args.y.ptr<T>());
      });
    }};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_direct{
    {"direct", DeviceType::cpu, {f32, f64}},
    [](const Conv2dGradInput& args) { return needs_channels_last(args.dx, args.dy); },
    [](const Conv2dGradInput& args) {
      visit(args.dx.dtype, [&]<class T>(T) {
        cpu::conv_grad_input<T>(shape_of(args.dx, args.w, args.dy, args.params), args.dy.ptr<const T>(),
                                weight_of<const T>(args.w), args.dx.ptr<T>());
      });
    }};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_direct{
    {"direct", DeviceType::cpu, {f32, f64}},
    [](const Conv2dGradWeight& args) { return needs_channels_last(args.dy, args.x); },
    [](const Conv2dGradWeight& args) {
      visit(args.dw.dtype, [&]<class T>(T) {
        cpu::conv_grad_weight<T>(shape_of(args.x, args.dw, args.dy, args.params), args.dy.ptr<const T>(),
                                 args.x.ptr<const T>(), weight_of<T>(args.dw));
      });
    }};

}  // namespace fornax::ops
