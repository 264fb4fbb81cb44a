#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/base/shape.h"

namespace fornax::data {

/// An array of unsigned bytes from an IDX file, the format of MNIST and its kin
/// (https://yann.lecun.com/exdb/mnist): two zero bytes, an element type, a rank, the sizes as 32-bit
/// big-endian integers, the values row-major.
struct IdxArray {
  Shape shape;
  std::vector<std::uint8_t> values;  ///< shape.product() of them
};

/// Parses an IDX file, plain or as one gzip member. The bytes are not trusted: an IoError names `file`, what
/// was expected and what came. Allocates no more than the declared size or twice what the bytes hold,
/// whichever is less.
FORNAX_API IdxArray parse_idx(std::span<const std::byte> bytes, std::string_view file);
/// Reads and parses the file at `path`. Throws IoError.
FORNAX_API IdxArray read_idx(const std::string& path);

}  // namespace fornax::data
