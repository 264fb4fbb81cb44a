#pragma once

#include <cstdint>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

/// What torchvision.transforms.functional does to images in bytes: u8 [channels, height, width] with 1 or 3
/// channels (red, green, blue), on the CPU. Each gives a new image or, where nothing changes, x, and throws
/// ShapeError, DTypeError or DeviceError naming itself for other images, ValueError for a factor out of
/// range. Factors of 1 change nothing.
namespace fornax::data {

// --- colours

/// Towards black (factor 0). Any factor of 0 or more.
FORNAX_API Tensor adjust_brightness(const Tensor& x, double factor);
/// Towards the mean of the grey image. Any factor of 0 or more.
FORNAX_API Tensor adjust_contrast(const Tensor& x, double factor);
/// Towards the grey image. Any factor of 0 or more.
FORNAX_API Tensor adjust_saturation(const Tensor& x, double factor);
/// Turns the hues by so many whole turns, from -0.5 to 0.5.
FORNAX_API Tensor adjust_hue(const Tensor& x, double turns);
/// Towards a blurred image, the rim excepted. Any factor of 0 or more.
FORNAX_API Tensor adjust_sharpness(const Tensor& x, double factor);
/// The grey image, 0.2989 r + 0.587 g + 0.114 b, in 1 or 3 channels.
FORNAX_API Tensor to_grayscale(const Tensor& x, std::int64_t channels = 1);
/// The upper `bits` of each value, 0 to 8.
FORNAX_API Tensor posterize(const Tensor& x, int bits);
/// Values from `threshold` on inverted.
FORNAX_API Tensor solarize(const Tensor& x, double threshold);
FORNAX_API Tensor invert(const Tensor& x);
/// Each channel stretched so that its extremes are 0 and 255.
FORNAX_API Tensor autocontrast(const Tensor& x);
/// Each channel's values spread so that they are about equally frequent.
FORNAX_API Tensor equalize(const Tensor& x);

// --- places

enum class Interpolation : std::uint8_t { nearest, bilinear };

/// How pixels are made that lie between those of the image, or outside of it.
struct Resampling {
  Interpolation interpolation = Interpolation::nearest;
  /// What is outside: for each channel, or one for all; empty: black.
  std::vector<float> fill = {};
};

/// Counter-clockwise about the centre by `degrees`; the size stays.
FORNAX_API Tensor rotate(const Tensor& x, double degrees, const Resampling& resampling = {});

/// As torchvision's affine() takes them: degrees clockwise, pixels.
struct AffineOptions {
  double angle = 0, translate_x = 0, translate_y = 0, scale = 1, shear_x = 0, shear_y = 0;
  /// What stays in place, from the image's centre.
  double centre_x = 0, centre_y = 0;
};
/// Turned, scaled and sheared about a place, and moved; the size stays. Throws ValueError for a scale that is
/// not above 0.
FORNAX_API Tensor affine(const Tensor& x, const AffineOptions& options, const Resampling& resampling = {});

}  // namespace fornax::data
