#pragma once

#include <cstdint>
#include <type_traits>

#include "cpu/conv.h"
#include "cpu/isa.h"

/// Depthwise convolutions: every channel has a kernel of its own, so registers hold channels and nothing is
/// shared that a matrix product could use.
namespace fornax::cpu {

/// True if the shape is depthwise with one output per channel.
inline bool is_depthwise(const ConvShape& s) { return s.groups > 1 && s.groups == s.ic && s.oc == s.ic; }

/// As in conv.h, for depthwise shapes.
template <class T>
void depthwise_forward(const ConvShape& shape, const T* x, const ConvWeight<const T>& w,
                       const ConvEpilogue<T>& epilogue, T* y);
template <class T>
void depthwise_grad_input(const ConvShape& shape, const T* dy, const ConvWeight<const T>& w, T* dx);
template <class T>
void depthwise_grad_weight(const ConvShape& shape, const T* dy, const T* x, const ConvWeight<T>& dw);

template <class T>
struct DepthwiseKernels {
  /// to[c] = epilogue of the sum over taps of from[offsets[t] + c] * weights[t * channels + c]. The
  /// epilogue's residual is that of this pixel.
  void (*pixel)(const T* from, const std::int64_t* offsets, std::int64_t taps, const T* weights,
                const ConvEpilogue<T>& epilogue, T* to, std::int64_t channels);
  /// sums[c] += sum over p < pixels of a[p * a_step + c] * b[p * b_step + c]
  void (*add_products)(const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, std::int64_t pixels,
                       T* sums, std::int64_t channels);
};
FORNAX_ISA_TABLE(DepthwiseKernels<float>, depthwise_f32)
FORNAX_ISA_TABLE(DepthwiseKernels<double>, depthwise_f64)

}  // namespace fornax::cpu
