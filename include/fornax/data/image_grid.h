#pragma once

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

namespace fornax::data {

struct GridOptions {
  std::int64_t nrow = 8;     ///< images in a row
  std::int64_t padding = 2;  ///< pixels between and around them
  Scalar pad_value = 0;      ///< of these pixels
};

/// Images [N, C, height, width] side by side in one [C, H, W], as torchvision.utils.make_grid does: in rows
/// from the left, grey ones in 3 channels, a single image as it is. Of any dtype that holds the `pad_value`,
/// on their device, without a wait. Throws ShapeError for other shapes or no images, ValueError for options
/// that make no sense.
FORNAX_API Tensor make_grid(const Tensor& images, const GridOptions& options = {});

}  // namespace fornax::data
