#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/file.h"
#include "fornax/io/safetensors.h"
#include "io/safetensors_format.h"

/// Safetensors files with and without a checksum.
namespace fornax::io {

/// The metadata under which write_safetensors_checked puts the CRC-32 of the whole file, in which these eight
/// hexadecimal digits count as zeros.
inline constexpr const char* checksum_key = "fornax_crc32";

/// save_safetensors with a checksum.
void write_safetensors_checked(const std::string& path, const State& tensors, Metadata metadata);

/// A safetensors file whose header was read.
class SafetensorsFile {
 public:
  /// Throws IoError as load_safetensors does.
  explicit SafetensorsFile(const std::string& path);

  const Metadata& metadata() const { return header_.metadata; }
  /// All tensors. Throws IoError.
  State read_tensors() const;
  /// The same, and IoError if the file has no checksum or another one than its bytes.
  State read_tensors_checked() const;

 private:
  std::uint64_t data_begin() const { return start_.size(); }

  InputFile file_;
  std::vector<std::byte> start_;  ///< all before the data
  safetensors::Header header_;
};

}  // namespace fornax::io
