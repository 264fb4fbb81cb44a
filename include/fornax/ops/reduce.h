#pragma once

#include "fornax/tensor/tensor.h"

/// Reductions. `axes` may be negative (from the end), in any order, and empty: then all axes are reduced.
/// With `keepdim` reduced axes stay with size 1. None waits for the device. All throw IndexError for an axis
/// out of range and ShapeError for one named twice.
namespace fornax {

/// Integers and bool sum to i64. Over no elements: 0.
FORNAX_API Tensor sum(const Tensor& x, const Dims& axes = {}, bool keepdim = false);

}  // namespace fornax
