#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fornax {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4), with which TFRecord files guard their records.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace fornax
