#pragma once

#include <optional>

#include "fornax/base/pair.h"
#include "fornax/tensor/tensor.h"

/// Pooling of images x[N, C, H, W], of any floating dtype. Results have x's dtype and format; channels_last
/// is the fast one. 16-bit types are summed in f32 and rounded once. Each throws ShapeError, ValueError or
/// DTypeError; none waits for the device.
namespace fornax {

struct MaxPool2dParams {
  std::optional<Pair> stride = {};  ///< absent: the kernel's size
  Pair padding = 0;                 ///< on both sides, never the largest; at most half of the kernel
  Pair dilation = 1;
  bool ceil_mode = false;  ///< keep a last window that starts inside and reaches beyond
};

/// The largest value of each window; a NaN in a window is its largest. The gradient goes to the first
/// largest.
///
/// y's height is (H + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1, and so its width.
FORNAX_API Tensor max_pool2d(const Tensor& x, Pair kernel, const MaxPool2dParams& params = {});

struct AvgPool2dParams {
  std::optional<Pair> stride = {};  ///< absent: the kernel's size
  Pair padding = 0;                 ///< zeros on both sides; at most half of the kernel
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< whether padding counts in the mean
};

/// The mean of each window.
FORNAX_API Tensor avg_pool2d(const Tensor& x, Pair kernel, const AvgPool2dParams& params = {});

/// The mean of windows that cover the image evenly: row i of `size.h` covers rows i * H / size.h rounded down
/// to (i + 1) * H / size.h rounded up.
FORNAX_API Tensor adaptive_avg_pool2d(const Tensor& x, Pair size);
/// The largest value of the same windows.
FORNAX_API Tensor adaptive_max_pool2d(const Tensor& x, Pair size);
/// The mean of each channel of each image: [N, C, 1, 1].
inline Tensor global_avg_pool2d(const Tensor& x) { return adaptive_avg_pool2d(x, 1); }

}  // namespace fornax
