#pragma once

#include <iosfwd>
#include <string>

#include "fornax/tensor/tensor.h"

/// Tensors as text, in PyTorch's style:
///
///   tensor([[ 1.0000, -2.5000],
///           [ 0.0000,  3.0000]], f32[2,2]@cpu)
///
/// Waits for the device.
namespace fornax {

struct PrintOptions {
  int precision = 4;              ///< digits after the point
  std::int64_t threshold = 1000;  ///< with more elements, the middle of each axis is left out
  std::int64_t edge_items = 3;    ///< of each axis then shown at either end
  int line_width = 80;            ///< characters after which a row is broken
};

FORNAX_API std::string to_string(const Tensor& tensor, const PrintOptions& options = {});
FORNAX_API std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace fornax
