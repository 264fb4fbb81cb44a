#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"
#include "fornax/base/shape.h"

/// The safetensors format (https://github.com/huggingface/safetensors#format) without files or tensors:
///   8 bytes    N, the length of the header, little-endian
///   N bytes    JSON: {"__metadata__": {"key": "text"}, "name": {"dtype": "F32", "shape": [2,3],
///              "data_offsets": [begin, end]}, ...}, padded with spaces
///   the rest   the data, row-major and little-endian; every byte belongs to exactly one tensor
/// Nothing of what is parsed is trusted: every failure is an IoError that names `file`, the tensor, what was
/// expected and what came; and no allocation is larger than a small multiple of the bytes given.
namespace fornax::io::safetensors {

struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  std::uint64_t begin, end;  ///< in bytes from the beginning of the data
};

struct Header {
  std::vector<Entry> entries;                   ///< in the order of their data
  std::map<std::string, std::string> metadata;  ///< "__metadata__"
};

inline constexpr std::uint64_t prefix_size = 8;
/// Longer headers are refused, as the reference implementation does.
inline constexpr std::uint64_t max_header_size = 100'000'000;

/// N, from the first 8 bytes of a file of `file_size` bytes; the file is long enough to hold the header.
FORNAX_API std::uint64_t header_size(std::span<const std::byte> prefix, std::uint64_t file_size,
                                     std::string_view file);
/// Parses the N bytes of JSON of a file with `data_size` bytes after them.
FORNAX_API Header parse_header(std::span<const std::byte> json, std::uint64_t data_size,
                               std::string_view file);

/// Gives `header.entries` their order and offsets (largest element type first, so that every tensor is
/// aligned; equal types by name, as the reference does) and returns the prefix and the padded JSON. Throws
/// IoError naming `file` where a text is not UTF-8 or a tensor is called
/// "__metadata__".
FORNAX_API std::string layout(Header& header, std::string_view file);

}  // namespace fornax::io::safetensors
