#pragma once

#include <cstdint>
#include <optional>

#include "fornax/tensor/tensor.h"

/// Operations on each element alone. Two tensors broadcast against each other by NumPy's rule (else
/// ShapeError); they must have one dtype (else DTypeError: nothing is cast silently, use `.to()`) and be on
/// one device (else DeviceError). A result has the memory format of the first dense operand of the result's
/// shape. A Scalar takes the dtype of the tensor beside it: next to integers it must be one that the dtype
/// holds (else DTypeError). 16-bit types are computed in f32 and rounded once. All are differentiable for
/// floating dtypes unless noted; none waits for the device.
namespace fornax {

// --- arithmetic: floating and integer dtypes; integers wrap around

FORNAX_API Tensor add(const Tensor& a, const Tensor& b);
FORNAX_API Tensor add(const Tensor& a, Scalar b);
FORNAX_API Tensor sub(const Tensor& a, const Tensor& b);
FORNAX_API Tensor sub(const Tensor& a, Scalar b);
FORNAX_API Tensor sub(Scalar a, const Tensor& b);
FORNAX_API Tensor mul(const Tensor& a, const Tensor& b);
FORNAX_API Tensor mul(const Tensor& a, Scalar b);
/// Floating dtypes only: the quotient of integers is seldom one, so cast first.
FORNAX_API Tensor div(const Tensor& a, const Tensor& b);
FORNAX_API Tensor div(const Tensor& a, Scalar b);
FORNAX_API Tensor div(Scalar a, const Tensor& b);
/// The larger of the two; a NaN in either stays one. Where they are equal, each gets half of the gradient.
FORNAX_API Tensor maximum(const Tensor& a, const Tensor& b);
FORNAX_API Tensor maximum(const Tensor& a, Scalar b);
/// The smaller of the two, likewise.
FORNAX_API Tensor minimum(const Tensor& a, const Tensor& b);
FORNAX_API Tensor minimum(const Tensor& a, Scalar b);
/// a to the power b. Floating dtypes only.
FORNAX_API Tensor pow(const Tensor& a, const Tensor& b);
FORNAX_API Tensor pow(const Tensor& a, Scalar b);
FORNAX_API Tensor pow(Scalar a, const Tensor& b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator+(const Tensor& a, Scalar b) { return add(a, b); }
inline Tensor operator+(Scalar a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator-(const Tensor& a, Scalar b) { return sub(a, b); }
inline Tensor operator-(Scalar a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator*(const Tensor& a, Scalar b) { return mul(a, b); }
inline Tensor operator*(Scalar a, const Tensor& b) { return mul(b, a); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator/(const Tensor& a, Scalar b) { return div(a, b); }
inline Tensor operator/(Scalar a, const Tensor& b) { return div(a, b); }

// --- comparisons: all dtypes; the result is bool and has no gradient. `a == b` is a tensor too: for whether
// two handles are one tensor there is Tensor::is.

FORNAX_API Tensor eq(const Tensor& a, const Tensor& b);
FORNAX_API Tensor eq(const Tensor& a, Scalar b);
FORNAX_API Tensor ne(const Tensor& a, const Tensor& b);
FORNAX_API Tensor ne(const Tensor& a, Scalar b);
FORNAX_API Tensor lt(const Tensor& a, const Tensor& b);
FORNAX_API Tensor lt(const Tensor& a, Scalar b);
FORNAX_API Tensor le(const Tensor& a, const Tensor& b);
FORNAX_API Tensor le(const Tensor& a, Scalar b);
FORNAX_API Tensor gt(const Tensor& a, const Tensor& b);
FORNAX_API Tensor gt(const Tensor& a, Scalar b);
FORNAX_API Tensor ge(const Tensor& a, const Tensor& b);
FORNAX_API Tensor ge(const Tensor& a, Scalar b);

inline Tensor operator==(const Tensor& a, const Tensor& b) { return eq(a, b); }
inline Tensor operator==(const Tensor& a, Scalar b) { return eq(a, b); }
inline Tensor operator==(Scalar a, const Tensor& b) { return eq(b, a); }
inline Tensor operator!=(const Tensor& a, const Tensor& b) { return ne(a, b); }
inline Tensor operator!=(const Tensor& a, Scalar b) { return ne(a, b); }
inline Tensor operator!=(Scalar a, const Tensor& b) { return ne(b, a); }
inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator<(const Tensor& a, Scalar b) { return lt(a, b); }
inline Tensor operator<(Scalar a, const Tensor& b) { return gt(b, a); }
inline Tensor operator<=(const Tensor& a, const Tensor& b) { return le(a, b); }
inline Tensor operator<=(const Tensor& a, Scalar b) { return le(a, b); }
inline Tensor operator<=(Scalar a, const Tensor& b) { return ge(b, a); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator>(const Tensor& a, Scalar b) { return gt(a, b); }
inline Tensor operator>(Scalar a, const Tensor& b) { return lt(b, a); }
inline Tensor operator>=(const Tensor& a, const Tensor& b) { return ge(a, b); }
inline Tensor operator>=(const Tensor& a, Scalar b) { return ge(a, b); }
inline Tensor operator>=(Scalar a, const Tensor& b) { return le(b, a); }

// --- logic: bool only (DTypeError otherwise; `ne(x, 0)` makes bool of numbers)

FORNAX_API Tensor logical_and(const Tensor& a, const Tensor& b);
FORNAX_API Tensor logical_or(const Tensor& a, const Tensor& b);
FORNAX_API Tensor logical_xor(const Tensor& a, const Tensor& b);
FORNAX_API Tensor logical_not(const Tensor& a);

// --- choice: all dtypes

/// a where `condition` (bool) is true, else b; all three broadcast.
FORNAX_API Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
FORNAX_API Tensor where(const Tensor& condition, const Tensor& a, Scalar b);
FORNAX_API Tensor where(const Tensor& condition, Scalar a, const Tensor& b);
/// Two numbers, which `dtype` must hold (else DTypeError); of the shape of `condition`.
FORNAX_API Tensor where(const Tensor& condition, Scalar a, Scalar b, DType dtype = f32);
/// min(max(x, low), high), where a bound that is absent does not bound; floating and integer dtypes. A NaN
/// stays one. The gradient goes through where x is within the bounds, both included.
FORNAX_API Tensor clamp(const Tensor& x, std::optional<Scalar> low, std::optional<Scalar> high = {});

// --- of one tensor: neg, abs, sign and square for floating and integer dtypes, the others for floating ones
// ------

FORNAX_API Tensor neg(const Tensor& x);
inline Tensor operator-(const Tensor& x) { return neg(x); }
FORNAX_API Tensor abs(const Tensor& x);
/// -1, 0 or 1; a NaN stays one. Its gradient is zero.
FORNAX_API Tensor sign(const Tensor& x);
FORNAX_API Tensor square(const Tensor& x);
/// The largest integer that is not above x. Its gradient is zero.
FORNAX_API Tensor floor(const Tensor& x);
FORNAX_API Tensor reciprocal(const Tensor& x);
FORNAX_API Tensor exp(const Tensor& x);
FORNAX_API Tensor log(const Tensor& x);
FORNAX_API Tensor sqrt(const Tensor& x);
FORNAX_API Tensor tanh(const Tensor& x);
/// 1 / (1 + exp(-x))
FORNAX_API Tensor sigmoid(const Tensor& x);
/// max(x, 0)
FORNAX_API Tensor relu(const Tensor& x);
/// x * sigmoid(x)
FORNAX_API Tensor silu(const Tensor& x);

enum class Gelu : std::uint8_t {
  exact,  ///< x * (1 + erf(x / sqrt(2))) / 2
  tanh    ///< x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2
};
/// Hendrycks and Gimpel, "Gaussian Error Linear Units".
FORNAX_API Tensor gelu(const Tensor& x, Gelu form = Gelu::exact);

}  // namespace fornax
