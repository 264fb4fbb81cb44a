#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
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
  /// `count` bytes from `offset` on. Throws if the file ends before that, before it allocates, and where
  /// there is no memory for them.
  std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count) const;

 private:
  std::string path_;
  int fd_;
  std::uint64_t size_ = 0;
};

/// A file of which a few bytes are looked at here and there, from front to back: what lies near is read at
/// once. Every failure is an IoError naming the file.
class FileWindow {
 public:
  /// Of a file that outlives it.
  explicit FileWindow(const InputFile& file) : path_(file.path()), size_(file.size()), file_(&file) {}
  /// Of bytes that outlive it, called `path` in messages.
  FileWindow(std::span<const std::byte> bytes, std::string path)
      : path_(std::move(path)), size_(bytes.size()), window_(bytes) {}
  FileWindow(const FileWindow&) = delete;
  FileWindow& operator=(const FileWindow&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  /// `count` bytes from `offset` on, which stay until the next call. Throws if the file ends before that.
  std::span<const std::byte> at(std::uint64_t offset, std::uint64_t count);

 private:
  std::string path_;
  std::uint64_t size_;
  const InputFile* file_ = nullptr;    ///< none: window_ is all
  std::vector<std::byte> buffer_;      ///< what window_ shows of a file
  std::span<const std::byte> window_;  ///< the bytes from begin_ on
  std::uint64_t begin_ = 0;
};

/// A file that is written at its end, made where it is missing. What is written is with the operating system
/// when write() returns, so that others can follow it and a crash of this process loses nothing. Any number
/// of threads may write. Every failure is an IoError naming the file.
class AppendFile {
 public:
  explicit AppendFile(std::string path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  const std::string& path() const { return path_; }
  /// All in one call of the system.
  void write(std::string_view bytes);
  std::int64_t size() const;

 private:
  std::string path_;
  int fd_;
};

/// Makes what was created, renamed or removed beside the file at `path` durable. Throws IoError naming the
/// file.
void sync_directory_of(const std::string& path);

/// The bytes of a whole file. Throws IoError, also where there is no memory for them.
std::vector<std::byte> read_file(const std::string& path);

}  // namespace fornax
