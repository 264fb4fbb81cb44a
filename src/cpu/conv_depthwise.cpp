#include "cpu/conv_depthwise.h"

#include <algorithm>
#include <vector>

#include "cpu/conv_axis.h"
#include "cpu/scratch.h"
#include "fornax/base/parallel.h"

namespace fornax::cpu {
namespace {

using Index = std::int64_t;

template <class T>
const DepthwiseKernels<T>& depthwise_kernels() {
  if constexpr (std::is_same_v<T, double>)
    return depthwise_f64();
  else
    return depthwise_f32();
}

/// Forward and gradient of the input: each target pixel gathers the source pixels of its class (conv_axis.h).
template <class T>
void gather(const ConvShape& s, const ConvAxis& rows, const ConvAxis& columns, const T* source,
            Pair source_size, const ConvWeight<const T>& w, const ConvEpilogue<T>& epilogue, T* target,
            Pair target_size) {
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  const Index channels = s.ic;
  for (const ConvAxis::Class& row : rows.classes) {
    for (const ConvAxis::Class& column : columns.classes) {
      std::vector<Index> offsets;
      const auto taps = static_cast<Index>(row.taps.size() * column.taps.size());
      const Scratch weights = Scratch::of<T>(taps * channels);  // [tap][channel]
      T* weight = weights.as<T>();
      for (const ConvAxis::Tap& u : row.taps) {
        for (const ConvAxis::Tap& v : column.taps) {
          offsets.push_back((u.shift * source_size.w + v.shift) * channels);
          const T* from = w.data + rows.live_taps[static_cast<std::size_t>(u.live)] * w.kh +
                          columns.live_taps[static_cast<std::size_t>(v.live)] * w.kw;
          for (Index c = 0; c < channels; ++c) *weight++ = from[c * w.oc];
        }
      }
      const auto height = static_cast<Index>(row.targets.size());
      const Index grain = 1 + 32768 / (static_cast<Index>(column.targets.size()) * (taps + 1) * channels + 1);
      parallel_for(0, s.n * height, grain, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
          const Index n = i / height;
          const auto y = static_cast<std::size_t>(i % height);
          const T* from = source + (n * source_size.h + row.sources[y]) * source_size.w * channels;
          const Index to = (n * target_size.h + row.targets[y]) * target_size.w * channels;
          for (std::size_t x = 0; x < column.targets.size(); ++x) {
            const Index pixel = to + column.targets[x] * channels;
            ConvEpilogue<T> own = epilogue;
            if (own.residual) own.residual += pixel;
            kernels.pixel(from + column.sources[x] * channels, offsets.data(), taps, weights.as<T>(), own,
                          target + pixel, channels);
          }
        }
      });
    }
  }
}

}  // namespace

template <class T>
void depthwise_forward(const ConvShape& s, const T* x, const ConvWeight<const T>& w,
                       const ConvEpilogue<T>& epilogue, T* y) {
  gather(s, ConvAxis::forward(s.oh, s.ih, s.kh, s.stride.h, s.padding.h, s.dilation.h),
         ConvAxis::forward(s.ow, s.iw, s.kw, s.stride.w, s.padding.w, s.dilation.w), x, {s.ih, s.iw}, w,
         epilogue, y, {s.oh, s.ow});
}

template <class T>
void depthwise_grad_input(const ConvShape& s, const T* dy, const ConvWeight<const T>& w, T* dx) {
  gather<T>(s, ConvAxis::backward(s.ih, s.oh, s.kh, s.stride.h, s.padding.h, s.dilation.h),
            ConvAxis::backward(s.iw, s.ow, s.kw, s.stride.w, s.padding.w, s.dilation.w), dy, {s.oh, s.ow}, w,
            {}, dx, {s.ih, s.iw});
}

/// A tap's sum over all pixels for some channels is one piece of work.
template <class T>
void depthwise_grad_weight(const ConvShape& s, const T* dy, const T* x, const ConvWeight<T>& dw) {
  const DepthwiseKernels<T>& kernels = depthwise_kernels<T>();
  constexpr Index channels_at_once = 64;
  const Index pieces = (s.ic + channels_at_once - 1) / channels_at_once;
  parallel_for(0, s.kh * s.kw * pieces, 1, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Index tap = i / pieces, c = i % pieces * channels_at_once;
      const Index u = tap / s.kw, v = tap % s.kw, channels = std::min(channels_at_once, s.ic - c);
      const ConvRange rows = conv_targets(s.oh, s.ih, s.stride.h, u * s.dilation.h - s.padding.h);
      const ConvRange columns = conv_targets(s.ow, s.iw, s.stride.w, v * s.dilation.w - s.padding.w);
      T sums[channels_at_once] = {};
      for (Index n = 0; n < s.n && columns.size() > 0; ++n) {
        for (Index row = rows.begin; row < rows.end; ++row) {
          const Index y = row * s.stride.h + u * s.dilation.h - s.padding.h;
          const Index x0 = columns.begin * s.stride.w + v * s.dilation.w - s.padding.w;
          kernels.add_products(x + ((n * s.ih + y) * s.iw + x0) * s.ic + c, s.stride.w * s.ic,
                               dy + ((n * s.oh + row) * s.ow + columns.begin) * s.ic + c, s.ic,
                               columns.size(), sums, channels);
        }
      }
      for (Index j = 0; j < channels; ++j) dw.data[(c + j) * dw.oc + u * dw.kh + v * dw.kw] = sums[j];
    }
  });
}

template void depthwise_forward(const ConvShape&, const float*, const ConvWeight<const float>&,
                                const ConvEpilogue<float>&, float*);
template void depthwise_forward(const ConvShape&, const double*, const ConvWeight<const double>&,
                                const ConvEpilogue<double>&, double*);
template void depthwise_grad_input(const ConvShape&, const float*, const ConvWeight<const float>&, float*);
template void depthwise_grad_input(const ConvShape&, const double*, const ConvWeight<const double>&, double*);
template void depthwise_grad_weight(const ConvShape&, const float*, const float*, const ConvWeight<float>&);
template void depthwise_grad_weight(const ConvShape&, const double*, const double*,
                                    const ConvWeight<double>&);

}  // namespace fornax::cpu
