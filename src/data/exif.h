#pragma once

#include <cstddef>
#include <span>

namespace fornax::data {

/// The orientation, 1 to 8, that the content of a JPEG's APP1 block states; 1, upright, where it is no EXIF
/// block or states none that makes sense.
int exif_orientation(std::span<const std::byte> block);

}  // namespace fornax::data
