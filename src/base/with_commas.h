#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fornax {

/// A count of 0 or more, as it is read most easily: "1,234,567".
inline std::string with_commas(std::int64_t count) {
  std::string text = std::to_string(count);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

}  // namespace fornax
