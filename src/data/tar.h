#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file.h"

namespace fornax::data {

/// A regular file in a tar archive.
struct TarMember {
  std::string name;
  std::uint64_t offset = 0, size = 0;  ///< of its bytes, which lie within the archive
};

/// Lists the regular files of a tar archive, whose contents it does not read: ustar, with the long names of
/// GNU's and POSIX' (pax) extensions and sizes in base 256. Every failure is an IoError naming the archive
/// and the place in it.
class TarReader {
 public:
  /// Of an archive that outlives the reader.
  explicit TarReader(FileWindow& archive) : archive_(archive) {}

  /// The next regular file, or nothing at the archive's end.
  std::optional<TarMember> next();

 private:
  FileWindow& archive_;
  std::uint64_t offset_ = 0;  ///< of the next header
};

}  // namespace fornax::data
