#pragma once

#include <optional>

#include "fornax/tensor/tensor.h"

/// Reductions. `axes` may be negative (from the end), in any order, and empty: then all axes are reduced.
/// With `keepdim` reduced axes stay with size 1. None waits for the device. All throw IndexError for an axis
/// out of range, ShapeError for one named twice, and DTypeError for a dtype that they do not take.
namespace fornax {

// --- floating dtypes, differentiable; of 16-bit types the inside is f32

/// Also of integers and bool, in i64. Over no elements: 0. Autocast runs it in f32.
FORNAX_API Tensor sum(const Tensor& x, const Dims& axes = {}, bool keepdim = false);
/// Over no elements: NaN. Autocast runs it in f32.
FORNAX_API Tensor mean(const Tensor& x, const Dims& axes = {}, bool keepdim = false);
/// sum of (x - mean)^2 / (n - correction) over n elements each; NaN where n <= correction. Autocast runs it
/// in f32.
FORNAX_API Tensor var(const Tensor& x, const Dims& axes = {}, bool keepdim = false, int correction = 1);
/// (sum of |x|^p)^(1/p) for p > 0; max of |x| for p = infinity, where ties share the gradient. The gradient
/// at norm 0 is 0. Throws ValueError for another p. Autocast runs it in f32.
FORNAX_API Tensor norm(const Tensor& x, double p = 2, const Dims& axes = {}, bool keepdim = false);
/// log(sum of exp(x)), without overflow. Over no elements: -infinity. Autocast runs it in f32.
FORNAX_API Tensor logsumexp(const Tensor& x, const Dims& axes = {}, bool keepdim = false);

// --- extremes: floating (differentiable) and integer dtypes; a NaN wins. All throw ShapeError over no
// elements.

/// The largest elements; ties share the gradient evenly.
FORNAX_API Tensor amax(const Tensor& x, const Dims& axes = {}, bool keepdim = false);
/// The smallest elements, likewise.
FORNAX_API Tensor amin(const Tensor& x, const Dims& axes = {}, bool keepdim = false);

struct Extremes {
  Tensor values;
  Tensor indices;  ///< along the axis, i64; of the first of ties
};
/// The largest element along one axis and where it is, which takes the whole gradient.
FORNAX_API Extremes max(const Tensor& x, int axis, bool keepdim = false);
/// The smallest, likewise.
FORNAX_API Extremes min(const Tensor& x, int axis, bool keepdim = false);
/// Where the first largest element is along `axis`; in row-major order of all of x if there is none. i64.
FORNAX_API Tensor argmax(const Tensor& x, std::optional<int> axis = {}, bool keepdim = false);
FORNAX_API Tensor argmin(const Tensor& x, std::optional<int> axis = {}, bool keepdim = false);

// --- of bool, to bool

/// Whether one is true; over none: false.
FORNAX_API Tensor any(const Tensor& x, const Dims& axes = {}, bool keepdim = false);
/// Whether all are true; over none: true.
FORNAX_API Tensor all(const Tensor& x, const Dims& axes = {}, bool keepdim = false);

}  // namespace fornax
