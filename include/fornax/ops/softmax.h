#pragma once

#include "fornax/tensor/tensor.h"

/// Softmax along one axis of a floating tensor; `axis` may be negative. The result has x's shape and dtype. A
/// row of nothing but -infinity gives NaN. None waits for the device. All throw IndexError for an axis out of
/// range and DTypeError for a tensor that is not floating. Autocast runs them in f32.
namespace fornax {

/// exp(x) / sum(exp(x))
FORNAX_API Tensor softmax(const Tensor& x, int axis);
/// x - log(sum(exp(x))), which stays finite where log(softmax(x)) does not.
FORNAX_API Tensor log_softmax(const Tensor& x, int axis);

}  // namespace fornax
