#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

/// What SVG and HTML are written with.
namespace fornax::train {

/// A text fit for what stands between tags and, in double quotes, for attributes: UTF-8, with replacement
/// characters for other bytes and without control characters but tabs and line ends.
std::string escaped(std::string_view text);

/// RFC 4648, with padding.
std::string base64(std::span<const std::byte> bytes);

}  // namespace fornax::train
