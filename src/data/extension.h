#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <string_view>

namespace fornax::data {

/// An extension such as ".JPG" in small letters.
inline std::string lower_case(std::string_view extension) {
  std::string lower(extension);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

/// Whether files of this extension, in small letters, are images that decode_image() reads.
inline bool is_image_extension(std::string_view extension) {
  constexpr std::array<std::string_view, 3> known = {".jpg", ".jpeg", ".png"};
  return std::ranges::find(known, extension) != known.end();
}

}  // namespace fornax::data
