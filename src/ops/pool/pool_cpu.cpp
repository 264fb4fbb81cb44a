// Policy: everything runs over pixels whose channels are adjacent. channels_last tensors are read and written
// where they lie; of contiguous ones, some channels of an image at a time are transposed into working memory
// in the compute type. Backward gathers: each pixel of dx is written once, by one thread, from the windows
// that hold it, in their order.
#include <vector>

#include "cpu/copy.h"
#include "cpu/scratch.h"
#include "fornax/base/parallel.h"
#include "ops/pool/pool_kernels.h"
#include "ops/pool/pool_op.h"
#include "ops/pool/pool_windows.h"

namespace fornax::ops {
namespace {

using cpu::PoolTaps;
using cpu::Scratch;
using Index = std::int64_t;

constexpr Index piece_size = 65536;
/// Channels of a contiguous image that are transposed at a time.
constexpr Index planar_channels = 64;

/// Rows [first, last) of the result `to` of one image, from `from`; channels [channel, channel + channels).
template <class S>
struct Work {
  const S* from;
  S* to;
  Index image, channel, channels, first, last;
  Index from_pixel, to_pixel;  // elements from one pixel to the next
};

/// Calls body(Work) for pieces that cover `to`, on all threads. A pixel of `to` costs about `taps` pixels of
/// `from`.
template <class S, class Body>
void for_pieces(const TensorView& to, const TensorView& from, Index taps, Body&& body) {
  const Index images = to.size(0), channels = to.size(1);
  const Index to_area = to.size(2) * to.size(3), from_area = from.size(2) * from.size(3);
  const S* source = from.ptr<const S>();
  S* target = to.ptr<S>();
  if (to.is_channels_last() && from.is_channels_last()) {
    const Index rows = to.size(2), cost = to.size(3) * channels * taps;
    parallel_for(0, images * rows, 1 + piece_size / (cost + 1), [&](Index first, Index last) {
      for (Index i = first; i < last;) {
        const Index image = i / rows, row = i % rows, count = std::min(rows - row, last - i);
        body(Work<S>{source + image * from_area * channels, target + image * to_area * channels, image, 0,
                     channels, row, row + count, channels, channels});
        i += count;
      }
    });
    return;
  }
  using T = accumulate_t<S>;
  const cpu::Copy to_compute = cpu::copy_to_compute(to.dtype),
                  from_compute = cpu::copy_from_compute(to.dtype);
  const Index width = std::min(channels, planar_channels), groups = (channels + width - 1) / width;
  const Index cost = to_area * width * taps;
  parallel_for(0, images * groups, 1 + piece_size / (cost + 1), [&](Index first, Index last) {
    const Scratch in = Scratch::of<T>(from_area * width), out = Scratch::of<T>(to_area * width);
    for (Index i = first; i < last; ++i) {
      const Index image = i / groups, channel = i % groups * width,
                  count = std::min(width, channels - channel);
      const Index plane = image * channels + channel;
      to_compute(source + plane * from_area, 1, from_area, in.as<T>(), count, from_area, count);
      body(Work<T>{in.as<T>(), out.as<T>(), image, channel, count, 0, to.size(2), count, count});
      from_compute(out.as<T>(), 1, count, target + plane * to_area, to_area, count, to_area);
    }
  });
}

/// Pixels with their numbers and, for max, indices; filled anew for each pixel of a result.
template <class S>
class Taps {
 public:
  using T = accumulate_t<S>;
  explicit Taps(Index channels) : channels_(channels) {}
  void clear() {
    pixels_.clear();
    numbers_.clear();
    indices_.clear();
  }
  void add(const S* pixel, Index number, const void* index = nullptr) {
    pixels_.push_back(pixel);
    numbers_.push_back(static_cast<T>(number));
    indices_.push_back(index);
  }
  void add_weighted(const S* pixel, T weight) {
    pixels_.push_back(pixel);
    numbers_.push_back(weight);
  }
  PoolTaps<S> view() const {
    return {pixels_.data(), numbers_.data(), static_cast<Index>(pixels_.size()), channels_};
  }
  const void* const* indices() const { return indices_.data(); }

 private:
  Index channels_;
  std::vector<const S*> pixels_;
  std::vector<T> numbers_;
  std::vector<const void*> indices_;
};

/// The pixels of window (i, j), numbered.
template <class S>
void collect(Taps<S>& taps, const Work<S>& work, const WindowAxes& axes, Index i, Index j, Index width,
             Index kernel_w) {
  const Window &h = axes.h.window(i), &w = axes.w.window(j);
  for (Index u = 0; u < h.count; ++u) {
    const S* row = work.from + (h.first + u * axes.h.dilation()) * width * work.from_pixel;
    for (Index v = 0; v < w.count; ++v)
      taps.add(row + (w.first + v * axes.w.dilation()) * work.from_pixel, (h.tap + u) * kernel_w + w.tap + v);
  }
}

void max_pool2d(const MaxPool2d& args) {
  if (args.y.numel() == 0) return;
  const WindowAxes axes(args.windows, args.x, args.y);
  const Index height = args.y.size(2), width = args.y.size(3), channels = args.y.size(1);
  const bool wide = args.index.dtype == i32;
  const Index bytes = static_cast<Index>(size_of(args.index.dtype));
  const auto body = [&]<class S>(const Work<S>& work) {
    const cpu::PoolKernels<S>& kernels = cpu::pool_kernels<S>();
    Taps<S> taps(work.channels);
    for (Index i = work.first; i < work.last; ++i)
      for (Index j = 0; j < width; ++j) {
        taps.clear();
        collect(taps, work, axes, i, j, args.x.size(3), args.windows.kernel.w);
        void* index = nullptr;
        if (args.index.defined()) {
          const Index pixel = (work.image * height + i) * width + j;
          index = args.index.ptr<std::byte>() + (pixel * channels + work.channel) * bytes;
        }
        kernels.max(taps.view(), work.to + (i * width + j) * work.to_pixel, index, wide);
      }
  };
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    for_pieces<S>(args.y, args.x, args.windows.kernel.h * args.windows.kernel.w, body);
  });
}

void max_pool2d_grad(const MaxPool2dGrad& args) {
  if (args.dx.numel() == 0) return;
  const WindowAxes axes(args.windows, args.dx, args.dy);
  const Index height = args.dy.size(2), width = args.dy.size(3), channels = args.dx.size(1);
  const bool wide = args.index.dtype == i32;
  const Index bytes = static_cast<Index>(size_of(args.index.dtype));
  const auto body = [&]<class S>(const Work<S>& work) {
    const cpu::PoolKernels<S>& kernels = cpu::pool_kernels<S>();
    const std::byte* indices =
        args.index.ptr<const std::byte>() + (work.image * height * width * channels + work.channel) * bytes;
    Taps<S> taps(work.channels);
    for (Index i = work.first; i < work.last; ++i)
      for (Index j = 0; j < args.dx.size(3); ++j) {
        taps.clear();
        for (const Cover& h : axes.h.covers(i))
          for (const Cover& w : axes.w.covers(j)) {
            const Index pixel = h.window * width + w.window;
            taps.add(work.from + pixel * work.from_pixel, h.tap * args.windows.kernel.w + w.tap,
                     indices + pixel * channels * bytes);
          }
        kernels.max_grad(taps.view(), taps.indices(), wide,
                         work.to + (i * args.dx.size(3) + j) * work.to_pixel);
      }
  };
  visit_floating(args.dx.dtype,
                 [&]<class S>(std::type_identity<S>) { for_pieces<S>(args.dx, args.dy, 4, body); });
}

/// What the sum over window (i, j) is divided by.
Index divisor(const WindowAxes& axes, Index i, Index j, bool count_include_pad) {
  const Window &h = axes.h.window(i), &w = axes.w.window(j);
  return count_include_pad ? h.size * w.size : h.count * w.count;
}

void avg_pool2d(const AvgPool2d& args) {
  if (args.y.numel() == 0) return;
  const WindowAxes axes(args.windows, args.x, args.y);
  const Index width = args.y.size(3);
  const auto body = [&]<class S>(const Work<S>& work) {
    using T = accumulate_t<S>;
    const cpu::PoolKernels<S>& kernels = cpu::pool_kernels<S>();
    Taps<S> taps(work.channels);
    for (Index i = work.first; i < work.last; ++i)
      for (Index j = 0; j < width; ++j) {
        taps.clear();
        const Window &h = axes.h.window(i), &w = axes.w.window(j);
        for (Index u = h.first; u < h.first + h.count; ++u)
          for (Index v = w.first; v < w.first + w.count; ++v)
            taps.add_weighted(work.from + (u * args.x.size(3) + v) * work.from_pixel, T(1));
        kernels.weighted_sum(taps.view(), static_cast<T>(divisor(axes, i, j, args.count_include_pad)),
                             work.to + (i * width + j) * work.to_pixel);
      }
  };
  visit_floating(args.y.dtype, [&]<class S>(std::type_identity<S>) {
    for_pieces<S>(args.y, args.x, args.windows.kernel.h * args.windows.kernel.w, body);
  });
}

void avg_pool2d_grad(const AvgPool2dGrad& args) {
  if (args.dx.numel() == 0) return;
  const WindowAxes axes(args.windows, args.dx, args.dy);
  const Index width = args.dy.size(3);
  const auto body = [&]<class S>(const Work<S>& work) {
    using T = accumulate_t<S>;
    const cpu::PoolKernels<S>& kernels = cpu::pool_kernels<S>();
    Taps<S> taps(work.channels);
    for (Index i = work.first; i < work.last; ++i)
      for (Index j = 0; j < args.dx.size(3); ++j) {
        taps.clear();
        for (const Cover& h : axes.h.covers(i))
          for (const Cover& w : axes.w.covers(j))
            taps.add_weighted(
                work.from + (h.window * width + w.window) * work.from_pixel,
                T(1) / static_cast<T>(divisor(axes, h.window, w.window, args.count_include_pad)));
        kernels.weighted_sum(taps.view(), T(1), work.to + (i * args.dx.size(3) + j) * work.to_pixel);
      }
  };
  visit_floating(args.dx.dtype,
                 [&]<class S>(std::type_identity<S>) { for_pieces<S>(args.dx, args.dy, 4, body); });
}

dispatch::Refusal refusal(const TensorView& a, const TensorView& b) {
  const bool fits =
      (a.is_channels_last() && b.is_channels_last()) || (a.is_contiguous() && b.is_contiguous());
  return fits ? dispatch::accepts : "takes dense images of one format";
}

}  // namespace

constinit const dispatch::Kernel<MaxPool2d> max_pool2d_cpu{
    {"pixels", DeviceType::cpu, floating_dtypes},
    [](const MaxPool2d& args) {
      // A tap's number travels in a register of float.
      const bool exact = args.windows.kernel.h * args.windows.kernel.w <= 1 << 24;
      return exact ? refusal(args.y, args.x) : "takes windows of up to 2^24 taps";
    },
    max_pool2d};
constinit const dispatch::Kernel<MaxPool2dGrad> max_pool2d_grad_cpu{
    {"pixels", DeviceType::cpu, floating_dtypes},
    [](const MaxPool2dGrad& args) { return refusal(args.dx, args.dy); },
    max_pool2d_grad};
constinit const dispatch::Kernel<AvgPool2d> avg_pool2d_cpu{
    {"pixels", DeviceType::cpu, floating_dtypes},
    [](const AvgPool2d& args) { return refusal(args.y, args.x); },
    avg_pool2d};
constinit const dispatch::Kernel<AvgPool2dGrad> avg_pool2d_grad_cpu{
    {"pixels", DeviceType::cpu, floating_dtypes},
    [](const AvgPool2dGrad& args) { return refusal(args.dx, args.dy); },
    avg_pool2d_grad};

}  // namespace fornax::ops
