#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

/// Tar archives for tests.
namespace fornax::test {

/// A number as a field of a header.
inline std::string octal(std::uint64_t value, int digits = 11) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}
inline std::string base256(std::uint64_t value) {
  std::string field = "\x80" + std::string(11, '\0');
  for (std::size_t i = 0; i < 8; ++i) field[11 - i] = static_cast<char>(value >> (8 * i));
  return field;
}

/// With the right checksum.
inline std::string tar_header(std::string_view name, std::string_view size, char type = '0',
                              std::string_view prefix = "") {
  std::string header(512, '\0');
  header.replace(0, name.size(), name);
  header.replace(124, size.size(), size);
  header.replace(148, 8, "        ");
  header[156] = type;
  header.replace(257, 8, std::string_view("ustar\00000", 8));
  header.replace(345, prefix.size(), prefix);
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  header.replace(148, 7, octal(sum, 6) + '\0');
  return header;
}

inline std::string padded(std::string content) {
  content.resize((content.size() + 511) / 512 * 512);
  return content;
}
inline std::string tar_member(std::string_view name, const std::string& content, char type = '0') {
  return tar_header(name, octal(content.size()), type) + padded(content);
}
inline std::string tar_end() { return std::string(1024, '\0'); }

}  // namespace fornax::test
