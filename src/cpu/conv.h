#pragma once

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/base/pair.h"

/// Direct convolutions on channels_last images (a pixel's channels adjacent, dense), in float and double.
/// They build no matrices of patches; the gradient of the weight pads copies of images of few channels. Bits
/// depend on the shape and the instruction set, not on the number of threads. All throw OutOfMemory.
namespace fornax::cpu {

/// x is [n, ic, ih, iw], y is [n, oc, oh, ow], the weight is [oc, ic / groups, kh, kw].
struct ConvShape {
  std::int64_t n, ic, ih, iw, oc, oh, ow, kh, kw;
  Pair stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
};

/// A weight (T may be const) with its strides in elements: any of the two dense formats is read and written
/// fast.
template <class T>
struct ConvWeight {
  T* data;
  std::int64_t oc, ic, kh, kw;
};

/// What is done to a sum before it is written: sum + bias[channel] + residual, then max(sum, 0).
template <class T>
struct ConvEpilogue {
  const T* bias = nullptr;      ///< oc values, or null
  const T* residual = nullptr;  ///< images like y, or null
  bool relu = false;
};

/// y = epilogue of the convolution of x.
template <class T>
FORNAX_API void conv_forward(const ConvShape& shape, const T* x, const ConvWeight<const T>& w,
                             const ConvEpilogue<T>& epilogue, T* y);

/// dx = gradient of the input.
template <class T>
FORNAX_API void conv_grad_input(const ConvShape& shape, const T* dy, const ConvWeight<const T>& w, T* dx);

/// dw = gradient of the weight.
template <class T>
FORNAX_API void conv_grad_weight(const ConvShape& shape, const T* dy, const T* x, const ConvWeight<T>& dw);

}  // namespace fornax::cpu
