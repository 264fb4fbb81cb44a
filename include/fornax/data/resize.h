#pragma once

#include <cstdint>

#include "fornax/base/export.h"
#include "fornax/data/transforms.h"

/// Transforms that change the size of images u8 [channels, height, width], as torchvision's of the same names
/// do with Pillow's images: bilinear, antialiased where an image shrinks, equal to the last bit. Fastest for
/// images whose memory is pixel by pixel, as read_image() gives them; results are that too. Each throws
/// ShapeError, DTypeError or DeviceError naming itself where an image does not fit, and its maker ValueError
/// for sizes below 1.
namespace fornax::data {

/// The shorter side becomes `size`, the other one goes with it, rounded down.
FORNAX_API Transform resize(std::int64_t size);
FORNAX_API Transform resize(std::int64_t height, std::int64_t width);

struct RandomResizedCropOptions {
  double min_scale = 0.08, max_scale = 1;         ///< of the crop's share of the image's area
  double min_ratio = 3. / 4, max_ratio = 4. / 3;  ///< of its width by its height, uniform in the logarithm
};
/// A part of random place, size and shape, resized. Throws ValueError for options out of order.
FORNAX_API Transform random_resized_crop(std::int64_t height, std::int64_t width,
                                         const RandomResizedCropOptions& options = {});

}  // namespace fornax::data
