#pragma once

#include <optional>

#include "fornax/base/pair.h"
#include "fornax/tensor/tensor.h"

namespace fornax {

struct NormalizeImagesOptions {
  DType dtype = DType::f32;  ///< of the result, floating
  /// Height and width of the result; absent: those of x. A larger one pads with black, a smaller one crops.
  std::optional<Pair> size = {};
  /// i64 [N, 2]: the row and the column of x where each image of the result starts. May lie outside of x,
  /// where pixels are black. Undefined: the result is centred on x.
  Tensor offsets = {};
  /// bool [N]: which images to mirror, left to right, after the crop. Undefined: none.
  Tensor flip = {};
};

/// y = (x / 255 - mean) / std per channel, in one pass over memory: what a batch of decoded images needs
/// before a convolution.
///
/// x: u8 [N, C, H, W] of any strides; for bytes that lie as [N, H, W, C] pass `x.permute({0, 3, 1, 2})`,
/// which is the fast one. mean and std: f32 [channels]; if x has one channel (grey), it is repeated to all of
/// them. y is channels_last [N, channels, height, width]. Each value is computed in f64 and rounded once.
/// Throws ShapeError, DTypeError, ValueError, DeviceError. Does not wait for the device.
FORNAX_API Tensor normalize_images(const Tensor& x, const Tensor& mean, const Tensor& std,
                                   const NormalizeImagesOptions& options = {});

}  // namespace fornax
