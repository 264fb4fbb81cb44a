#include "base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "fornax/base/error.h"

namespace fornax {

std::string system_message(int error) { return std::generic_category().message(error); }

// O_NONBLOCK: opening a pipe would wait for its writer. To a regular file it means nothing.
InputFile::InputFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd_ < 0) throw IoError(path_, fmt::format("expected a readable file, got: {}", system_message(errno)));
  struct stat info {};
  if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd_);
    throw IoError(path_, fmt::format("expected a regular file, got {}",
                                     S_ISDIR(info.st_mode) ? "a directory" : "something else"));
  }
  size_ = static_cast<std::uint64_t>(info.st_size);
}

InputFile::~InputFile() { ::close(fd_); }

void InputFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  const std::uint64_t begin = offset, wanted = out.size();
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw IoError(path_, fmt::format("expected {} bytes at offset {}, got: {}", wanted, begin,
                                       system_message(errno)));
    if (got == 0)
      throw IoError(path_, fmt::format("expected {} bytes at offset {}, got {}: the file is truncated",
                                       wanted, begin, offset - begin));
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

void sync_directory_of(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  const int fd = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool flushed = fd >= 0 && ::fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!flushed)
    throw IoError(path,
                  fmt::format("expected to flush the directory of the file, got: {}", system_message(error)));
}

std::vector<std::byte> read_file(const std::string& path) {
  const InputFile file(path);
  std::vector<std::byte> bytes;
  try {
    bytes.resize(file.size());
  } catch (const std::bad_alloc&) {
    throw IoError(path, fmt::format("expected a file that fits in memory, got {} bytes", file.size()));
  }
  file.read(0, bytes);
  return bytes;
}

}  // namespace fornax
