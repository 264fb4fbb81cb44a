#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace fornax {
namespace {

std::uint32_t of(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

TEST(Crc32c, IsThatOfItsStandard) {  // RFC 3720, appendix B.4
  EXPECT_EQ(of("123456789"), 0xe3069283u);
  EXPECT_EQ(of(std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32)),
            0x8a9136aau);
  std::array<std::byte, 32> ones{};
  ones.fill(std::byte{0xff});
  EXPECT_EQ(crc32c(ones), 0x62a8ab43u);
  EXPECT_EQ(of(""), 0u);
}

TEST(Crc32c, OfAnyLengthIsThatOfItsBits) {
  std::string text;
  for (int length = 0; length < 30; ++length) {
    std::uint32_t crc = 0xffffffff;
    for (const char c : text) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    EXPECT_EQ(of(text), ~crc) << length;
    text += static_cast<char>(37 * length + 200);
  }
}

TEST(Crc32c, IsMaskedAsInTFRecords) {  // the length of the first record of every event file of TensorBoard
  constexpr std::string_view length("\x18\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(masked_crc32c(std::as_bytes(std::span(length))), 0x224b7fa3u);
}

}  // namespace
}  // namespace fornax
