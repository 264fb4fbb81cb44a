#pragma once

#include <string>

namespace fornax::sim {

/// A line of a kernel, as std::source_location, which clang has only from version 15 on.
struct Place {
  const char* file = "";
  unsigned line = 0;

  static constexpr Place here(const char* in = __builtin_FILE(), unsigned at = __builtin_LINE()) {
    return {in, at};
  }
  bool operator==(const Place&) const = default;
};

/// "file.cu:12".
std::string to_string(const Place& place);

}  // namespace fornax::sim
