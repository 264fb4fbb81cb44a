#include "io/text.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

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
  try {
    (void)nlohmann::json(text).dump();  // which is strict
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

}  // namespace fornax::io
