#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <type_traits>

#include "device/convert.cuh"
#include "device/cuda.cuh"
#include "device/pack.cuh"
#include "device/quotient.cuh"
#include "ops/batch_norm/batch_norm_op.h"

// What the kernels of batch normalisation share: how a tensor lies in memory, and what is computed of a
// channel. Forward and backward find the sign of the normalised value by the same operations here, in the
// compute type, so that the gate of backward is that of forward to the last bit.
namespace fornax::cuda {

/// `rows` times `lines` lines of `length` adjacent elements. In channels_last a row is a pixel, which is one
/// line, and the channels go along it. In planar order a row is an image, and each of its lines is a channel.
struct NormLayout {
  bool planar;
  std::int64_t rows, lines, length;

  explicit NormLayout(const TensorView& x) : planar(ops::is_planar(x)) {
    const std::int64_t channels = x.size(1), per_channel = channels == 0 ? 0 : x.numel() / channels;
    rows = planar ? x.size(0) : per_channel;
    lines = planar ? channels : 1;
    length = planar ? (rows == 0 ? 0 : per_channel / rows) : channels;
  }
  std::int64_t channels() const { return planar ? lines : length; }
  std::int64_t per_channel() const { return planar ? rows * length : rows; }
  std::int64_t row_size() const { return lines * length; }
  std::int64_t size() const { return rows * row_size(); }
  /// Bytes of a line's bits.
  std::int64_t line_bytes() const { return divide_up(length, 8); }
};

/// Why the kernels refuse: not all tensors are dense in the format of x.
inline dispatch::Refusal refuse_mixed_layouts(const TensorView& x,
                                              std::initializer_list<const TensorView*> others) {
  const auto all = [&](MemoryFormat format) {
    return x.has_format(format) && std::ranges::all_of(others, [&](const TensorView* other) {
             return !other->defined() || other->has_format(format);
           });
  };
  return (x.rank() == 4 && all(MemoryFormat::channels_last)) || all(MemoryFormat::contiguous)
             ? dispatch::accepts
             : "takes dense tensors in one format";
}

/// True if all of them that are there may be accessed in packs of 16 bytes.
inline bool all_aligned(std::initializer_list<const TensorView*> views) {
  return std::ranges::all_of(views, [](const TensorView* view) { return is_aligned(view->data, 16); });
}

// --- channels

template <class T>
__device__ inline T square_root(T value) {
  if constexpr (std::is_same_v<T, float>)
    return sqrtf(value);
  else
    return sqrt(value);
}

/// What is known of all channels; mean, weight and bias may be absent.
template <class T>
struct NormChannels {
  const T *mean, *var, *weight, *bias;
  T eps;
};
template <class T, class Args>
NormChannels<T> norm_channels(const Args& args) {
  return {args.mean.template ptr<const T>(), args.var.template ptr<const T>(),
          args.weight.template ptr<const T>(), args.bias.template ptr<const T>(), static_cast<T>(args.eps)};
}

/// One channel: normalised = (x - mean) * scale + bias.
template <class T>
struct NormChannel {
  T mean = 0, scale = 0, bias = 0;

  NormChannel() = default;
  __device__ NormChannel(const NormChannels<T>& all, std::int64_t c)
      : mean(all.mean ? all.mean[c] : T(0)),
        scale((all.weight ? all.weight[c] : T(1)) / square_root(all.var[c] + all.eps)),
        bias(all.bias ? all.bias[c] : T(0)) {}

  /// One rounding in every kernel, whatever the compiler makes of a product and a sum elsewhere.
  __device__ T normalised(T deviation) const {
    if constexpr (std::is_same_v<T, float>)
      return fmaf(deviation, scale, bias);
    else
      return fma(deviation, scale, bias);
  }
};

// --- the gradient of the activation

/// Which elements pass a gradient: all, those where a bit says so, or those whose normalised value is
/// positive.
enum class NormGate : std::uint8_t { open, bits, recompute };

inline NormGate norm_gate(Activation activation, const TensorView& bits) {
  if (activation == Activation::none) return NormGate::open;
  return bits.defined() ? NormGate::bits : NormGate::recompute;
}

/// True where relu passes a gradient; so does a NaN.
template <class T>
__device__ inline bool is_active(T value) {
  return !(value <= T(0));
}

/// dy * activation'. `bit` must be set unless the gate is of bits. Without branches: the elements of a pack
/// must stay in one block of code, or nvcc stores each by itself.
template <class T>
__device__ inline T gated(NormGate gate, T dy, bool bit, const NormChannel<T>& channel, T deviation) {
  const bool active = is_active(channel.normalised(deviation));
  return bit && (active || gate != NormGate::recompute) ? dy : T(0);
}

}  // namespace fornax::cuda
