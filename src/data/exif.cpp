#include "data/exif.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace fornax::data {

// EXIF 2.3, 4.5: "Exif", two zeros, then a TIFF file: byte order, 42, the offset of a directory; that is a
// count and entries of 12 bytes: tag, type, count, value.
int exif_orientation(std::span<const std::byte> block) {
  constexpr int upright = 1;
  constexpr std::string_view signature("Exif\0\0", 6), little("II\x2a\0", 4), big("MM\0\x2a", 4);
  const auto begins_with = [&block](std::size_t at, std::string_view text) {
    return block.size() >= at + text.size() && std::memcmp(block.data() + at, text.data(), text.size()) == 0;
  };
  const bool is_little = begins_with(signature.size(), little);
  if (!begins_with(0, signature) || (!is_little && !begins_with(signature.size(), big))) return upright;

  const auto tiff = block.subspan(signature.size());
  const auto has = [tiff](std::size_t at, std::size_t size) {
    return at <= tiff.size() && size <= tiff.size() - at;
  };
  const auto number = [&](std::size_t at, std::size_t size) {  // of bytes that are there
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
      value = value << 8 | std::to_integer<std::uint32_t>(tiff[at + (is_little ? size - 1 - i : i)]);
    return value;
  };
  constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3;
  if (!has(4, 4)) return upright;
  const std::size_t directory = number(4, 4);
  if (!has(directory, 2)) return upright;
  const std::uint32_t entries = number(directory, 2);
  for (std::size_t entry = directory + 2, i = 0; i < entries && has(entry, 12); entry += 12, ++i) {
    if (number(entry, 2) != orientation_tag || number(entry + 2, 2) != short_type) continue;
    const std::uint32_t orientation = number(entry + 8, 2);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : upright;
  }
  return upright;
}

}  // namespace fornax::data
