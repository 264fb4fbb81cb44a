#pragma once

#include <cstdint>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/image_ops.h"
#include "fornax/data/transforms.h"

/// Augmentations of images [channels, height, width] on the CPU, after torchvision's of the same names. Those
/// that change colours or turn images take bytes, as the functions of fornax/data/image_ops.h do, so they
/// come before normalize(). All throw ValueError for options that make no sense.
namespace fornax::data {

/// The middle `height` x `width` of the image, a view; zeros where it is smaller. Any dtype.
FORNAX_API Transform center_crop(std::int64_t height, std::int64_t width);
/// The grey image with as many channels.
FORNAX_API Transform grayscale();
/// Turned by up to `degrees` to either side.
FORNAX_API Transform random_rotation(double degrees, Resampling resampling = {});

/// Each is how far its factor is at most from 1 (not below 0), or the turn of the hue from 0.
struct ColorJitterOptions {
  double brightness = 0, contrast = 0, saturation = 0, hue = 0;
};
/// Brightness, contrast, saturation and hue at random, in random order.
FORNAX_API Transform color_jitter(const ColorJitterOptions& options);

struct RandomErasingOptions {
  double p = 0.5;                              ///< how often something is erased
  double least_area = 0.02, most_area = 0.33;  ///< in shares of the image's
  double least_ratio = 0.3, most_ratio = 3.3;  ///< of height to width
  std::vector<float> value = {0};              ///< what comes instead: for each channel, or one for all
};
/// A rectangle of the image erased (Zhong et al., 2017); none where ten tries give none that fits. Any dtype
/// that holds the value.
FORNAX_API Transform random_erasing(RandomErasingOptions options = {});

/// One of 14 changes with one of `magnitudes` strengths, all equally likely (Müller and Hutter,
/// "TrivialAugment: tuning-free yet state-of-the-art data augmentation", 2021): none, shear or translation
/// along x or y, rotation, brightness, colour, contrast, sharpness, posterize, solarize, autocontrast,
/// equalize.
FORNAX_API Transform trivial_augment_wide(int magnitudes = 31, Resampling resampling = {});

}  // namespace fornax::data
