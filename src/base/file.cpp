#include "base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "fornax/base/error.h"

namespace fornax {
namespace {

[[noreturn]] void fail_at_end(const std::string& path, std::uint64_t offset, std::uint64_t wanted,
                              std::uint64_t got) {
  throw IoError(path, fmt::format("expected {} bytes at offset {}, got {}: the file is truncated", wanted,
                                  offset, got));
}

/// Throws unless a file of this size has `count` bytes from `offset` on.
void check_extent(const std::string& path, std::uint64_t size, std::uint64_t offset, std::uint64_t count) {
  const std::uint64_t rest = offset < size ? size - offset : 0;
  if (count > rest) fail_at_end(path, offset, count, rest);
}

}  // namespace

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
    if (got == 0) fail_at_end(path_, begin, wanted, offset - begin);
    offset += static_cast<std::uint64_t>(got);
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

std::vector<std::byte> InputFile::read(std::uint64_t offset, std::uint64_t count) const {
  check_extent(path_, size_, offset, count);
  std::vector<std::byte> bytes;
  try {
    bytes.resize(count);
  } catch (const std::bad_alloc&) {
    throw IoError(path_, fmt::format("expected to read what fits in memory, got {} bytes", count));
  }
  read(offset, bytes);
  return bytes;
}

std::span<const std::byte> FileWindow::at(std::uint64_t offset, std::uint64_t count) {
  constexpr std::uint64_t least = 4096;  // what the system reads at least
  check_extent(path_, size_, offset, count);
  if (offset < begin_ || offset + count > begin_ + window_.size()) {
    window_ = {};  // even if reading fails
    buffer_.resize(std::min(std::max(count, least), size_ - offset));
    file_->read(offset, buffer_);
    window_ = buffer_;
    begin_ = offset;
  }
  return window_.subspan(offset - begin_, count);
}

AppendFile::AppendFile(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw IoError(path_, fmt::format("expected to open the file, got: {}", system_message(errno)));
}

AppendFile::~AppendFile() { ::close(fd_); }

void AppendFile::write(std::string_view bytes) {
  ssize_t written;
  do written = ::write(fd_, bytes.data(), bytes.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(bytes.size()))
    throw IoError(path_,
                  fmt::format("expected to append {} bytes, got: {}", bytes.size(),
                              written < 0 ? system_message(errno) : fmt::format("only {} written", written)));
}

std::int64_t AppendFile::size() const {
  struct stat info {};
  if (::fstat(fd_, &info) != 0)
    throw IoError(path_, fmt::format("expected the file's size, got: {}", system_message(errno)));
  return info.st_size;
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
  return file.read(0, file.size());
}

}  // namespace fornax
