#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax {

/// In training, zeroes each element with probability `p` and divides the others by 1 - p, drawing from
/// default_generator(); x itself otherwise. Backward draws the same numbers again, nothing is stored.
/// Floating dtypes. Throws ValueError unless 0 <= p <= 1. Srivastava et al., "Dropout", JMLR 15 (2014).
FORNAX_API Tensor dropout(const Tensor& x, double p, bool training);

}  // namespace fornax
