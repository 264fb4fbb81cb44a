#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
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

}  // namespace
}  // namespace fornax
