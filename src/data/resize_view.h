#pragma once

#include <cmath>
#include <cstdint>

#include "data/resizer.h"
#include "fornax/base/pair.h"
#include "fornax/data/resize.h"

/// What torchvision's transforms take of an image of a size.
namespace fornax::data {

/// To the nearest, halves to the even one, as Python's round().
inline std::int64_t rounded(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

/// The size of an image whose shorter side becomes `shorter`.
Pair resized_size(std::int64_t height, std::int64_t width, std::int64_t shorter);
/// Where an image's middle of `length` pixels begins, of `all`, which are at least as many.
std::int64_t center_begin(std::int64_t all, std::int64_t length);

/// The whole image, resized.
ResizeView whole_view(std::int64_t height, std::int64_t width, Pair size);
/// The middle of `size` of the image whose shorter side becomes `shorter`, which is at least as much.
ResizeView center_view(std::int64_t height, std::int64_t width, std::int64_t shorter, std::int64_t size);
/// The region, resized.
ResizeView region_view(const Region& region, Pair size);

/// Throws ValueError naming `op` for options that are out of order.
void check_random_resized_crop(const char* op, const RandomResizedCropOptions& options);
/// The part of an image that random_resized_crop() takes.
Region random_region(std::int64_t height, std::int64_t width, const RandomResizedCropOptions& options,
                     SampleRandom& random);

}  // namespace fornax::data
