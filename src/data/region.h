#pragma once

#include <cstdint>

namespace fornax::data {

/// A rectangle of an image, in pixels.
struct Region {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

}  // namespace fornax::data
