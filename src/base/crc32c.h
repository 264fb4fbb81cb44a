#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fornax {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// What TFRecord files store of it to guard their records: the checksum itself of data that hold checksums
/// would be weak.
std::uint32_t masked_crc32c(std::span<const std::byte> bytes);

}  // namespace fornax
