#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "fornax/base/shape.h"

namespace fornax {

/// Number of elements of a dense tensor; nothing if a size is negative or no memory could hold them (of up to
/// 16 bytes), even where another size of 0 hides that: strides count it as 1.
inline std::optional<std::int64_t> dense_numel(const Shape& shape) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t count = 1;
  for (const std::int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, std::max<std::int64_t>(size, 1), &count) || count > most)
      return std::nullopt;
  return shape.contains(0) ? 0 : count;
}

}  // namespace fornax
