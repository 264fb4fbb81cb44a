#pragma once

#include <cstdint>

namespace fornax {

/// A number for height and one for width; one alone counts for both.
struct Pair {
  std::int64_t h = 0, w = 0;
  constexpr Pair(std::int64_t both) : h(both), w(both) {}
  constexpr Pair(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  friend constexpr bool operator==(const Pair&, const Pair&) = default;
};

}  // namespace fornax
