#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

/// JPEG files as ImageNet has them, and libjpeg-turbo by itself.
namespace fornax::bench {

/// Writes `count` JPEGs of 500x375 with 4:2:0 and 100,000 to 120,000 bytes to `directory`/made: noise at
/// every scale, the finer the weaker, at the quality that gives this size.
void make_jpegs(const std::string& directory, int count);

/// Decodes a whole JPEG to RGB with libjpeg's defaults; returns its height and width. `pixels` grows as it
/// must.
std::pair<std::int64_t, std::int64_t> bare_decode(std::span<const std::byte> bytes,
                                                  std::vector<std::uint8_t>& pixels);

}  // namespace fornax::bench
