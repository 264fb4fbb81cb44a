#include "base/crc32c.h"

#include <array>
#include <bit>

namespace fornax {
namespace {

constexpr std::size_t step = 8;  // bytes that are taken at once: "slicing by 8"

/// [k][b]: what byte b does to the checksum when k more follow it.
constexpr std::array<std::array<std::uint32_t, 256>, step> make_tables() {
  constexpr std::uint32_t polynomial = 0x82f63b78;  // bits in reverse
  std::array<std::array<std::uint32_t, 256>, step> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? polynomial : 0);
    tables[0][byte] = rest;
  }
  for (std::size_t k = 1; k < step; ++k)
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[k - 1][byte];
      tables[k][byte] = before >> 8 ^ tables[0][before & 0xff];
    }
  return tables;
}

constexpr auto tables = make_tables();

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~std::uint32_t{0};
  for (; bytes.size() >= step; bytes = bytes.subspan(step)) {
    std::uint32_t next = 0;
    for (std::size_t i = 0; i < step; ++i) {
      const std::uint32_t mixed_in = i < 4 ? crc >> (8 * i) : 0;
      next ^= tables[step - 1 - i][(mixed_in ^ std::to_integer<std::uint32_t>(bytes[i])) & 0xff];
    }
    crc = next;
  }
  for (const std::byte byte : bytes)
    crc = crc >> 8 ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  return ~crc;
}

std::uint32_t masked_crc32c(std::span<const std::byte> bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

}  // namespace fornax
