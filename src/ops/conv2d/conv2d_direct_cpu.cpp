// Policy: channels_last images, read and written where they lie; weights of either dense format are packed by
// cpu::conv_*. f32 and f64 sum in their own type; 16-bit images are converted to f32 and back around the
// call.
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

template <class T>
cpu::ConvWeight<T> weight_of(const TensorView& w, T* data) {
  return {data, w.strides[0], w.strides[1], w.strides[2], w.strides[3]};
}

bool is_dense(const TensorView& x) { return x.is_contiguous() || x.is_channels_last(); }

/// The elements of a dense tensor in the compute type T, in the order of memory: the tensor's own, or a
/// converted copy.
template <class T>
class Elements {
 public:
  enum Use { read, write };
  Elements(const TensorView& x, Use use) : x_(x) {
    if (!x.defined() || !is_16bit(x.dtype)) return;
    wide_.emplace(cpu::Scratch::of<T>(x.numel()));
    if (use == read)
      convert(cpu::copy_to_compute(x.dtype), x.data, size_of(x.dtype), wide_->template as<T>(), sizeof(T));
  }
  T* data() const { return wide_ ? wide_->template as<T>() : x_.ptr<T>(); }
  /// Call when a `write` tensor is complete.
  void finish() const {
    if (wide_) convert(cpu::copy_from_compute(x_.dtype), data(), sizeof(T), x_.data, size_of(x_.dtype));
  }

 private:
  void convert(cpu::Copy copy, const void* from, std::size_t from_size, void* to, std::size_t to_size) const {
    parallel_for(0, x_.numel(), 32768, [&](std::int64_t first, std::int64_t last) {
      copy(static_cast<const char*>(from) + static_cast<std::size_t>(first) * from_size, 0, 1,
           static_cast<char*>(to) + static_cast<std::size_t>(first) * to_size, 0, 1, last - first);
    });
  }

  const TensorView& x_;
  std::optional<cpu::Scratch> wide_;
};

/// Calls f with the type that `dtype` is computed in.
template <class F>
void visit(DType dtype, F&& f) {
  if (dtype == f64)
    f(double());
  else
    f(float());
}

dispatch::Refusal check(const TensorView& a, const TensorView& b, const TensorView& w) {
  if (!a.is_channels_last() || !b.is_channels_last()) return "images are not channels_last";
  if (is_16bit(w.dtype) && !is_dense(w)) return "a 16-bit weight is not dense";
  return dispatch::accepts;
}

}  // namespace

constinit const dispatch::Kernel<Conv2dForward> conv2d_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dForward& args) { return check(args.x, args.y, args.w); },
    [](const Conv2dForward& args) {
      visit(args.y.dtype, [&]<class T>(T) {
        const auto read = Elements<T>::read;
        const Elements<T> x(args.x, read), w(args.w, read), bias(args.bias, read),
            y(args.y, Elements<T>::write);
        cpu::conv_forward<T>(shape_of(args.x, args.w, args.y, args.params), x.data(),
                             weight_of<const T>(args.w, w.data()), bias.data(), y.data());
        y.finish();
      });
    }};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dGradInput& args) { return check(args.dx, args.dy, args.w); },
    [](const Conv2dGradInput& args) {
      visit(args.dx.dtype, [&]<class T>(T) {
        const Elements<T> dy(args.dy, Elements<T>::read), w(args.w, Elements<T>::read),
            dx(args.dx, Elements<T>::write);
        cpu::conv_grad_input<T>(shape_of(args.dx, args.w, args.dy, args.params), dy.data(),
                                weight_of<const T>(args.w, w.data()), dx.data());
        dx.finish();
      });
    }};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_direct{
    {"direct", DeviceType::cpu, floating_dtypes},
    [](const Conv2dGradWeight& args) { return check(args.dy, args.x, args.dw); },
    [](const Conv2dGradWeight& args) {
      visit(args.dw.dtype, [&]<class T>(T) {
        const Elements<T> dy(args.dy, Elements<T>::read), x(args.x, Elements<T>::read),
            dw(args.dw, Elements<T>::write);
        cpu::conv_grad_weight<T>(shape_of(args.x, args.dw, args.dy, args.params), dy.data(), x.data(),
                                 weight_of<T>(args.dw, dw.data()));
        dw.finish();
      });
    }};

}  // namespace fornax::ops
