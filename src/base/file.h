#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/export.h"

/// Reading files, for the readers of every format.
namespace fornax {

/// What the operating system says about `error`, an errno value: "No space left on device".
std::string system_message(int error);

/// A regular file open for reading. Any number of threads may read it. Every failure is an IoError naming the
/// file.
class InputFile {
 public:
  explicit InputFile(std::string path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }
  /// Size in bytes when it was opened.
  std::uint64_t size() const { return size_; }
  /// Fills `out` with the bytes from `offset` on. Throws if the file ends before that.
  void read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  std::string path_;
  int fd_;
  std::uint64_t size_ = 0;
};

/// Makes what was created, renamed or removed beside the file at `path` durable. Throws IoError naming the
/// file.
void sync_directory_of(const std::string& path);

/// The bytes of a whole file. Throws IoError, also where there is no memory for them.
std::vector<std::byte> read_file(const std::string& path);

}  // namespace fornax
