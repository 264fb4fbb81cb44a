#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fornax/io/atomic_file.h"

namespace fornax::io {

/// Writes a zip archive of plain bytes, front to back, with the data of each record at a multiple of 64 bytes
/// as PyTorch does, so that it can be mapped. (libzip would seek, and knows no alignment.)
class ZipWriter {
 public:
  /// `file` outlives this.
  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  void add(const std::string& name, std::span<const std::byte> bytes);
  /// Writes the directory. Called once, last.
  void finish();

 private:
  void write(const std::string& bytes);

  AtomicFile& file_;
  std::uint64_t offset_ = 0, records_ = 0;
  std::string directory_;
};

/// The header before a record's data, and the one in the directory. A size or offset of 2^32 - 1 or more is
/// put into an extra field (zip64).
std::string zip_local_header(const std::string& name, std::uint32_t crc, std::uint64_t size,
                             std::uint64_t offset);
std::string zip_directory_header(const std::string& name, std::uint32_t crc, std::uint64_t size,
                                 std::uint64_t offset);

}  // namespace fornax::io
