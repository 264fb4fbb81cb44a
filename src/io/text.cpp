#include "io/text.h"

#include <fmt/core.h>

#include <cstdint>

namespace fornax::io {

std::string quote(std::string_view text) {
  constexpr std::size_t longest = 80;
  std::string out = "'";
  for (const char c : text.substr(0, longest)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else
      out += c;
  }
  return out += text.size() > longest ? "...'" : "'";
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const std::size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : 4;
    if ((size == 4 && first >> 3 != 30) || size > text.size()) return false;
    std::uint32_t code = size == 1 ? first : first & (0x7fu >> size);
    for (const char c : text.substr(1, size - 1)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte >> 6 != 2) return false;
      code = code << 6 | (byte & 0x3fu);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace fornax::io
