#include "train/line_log.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

#include "fornax/base/error.h"
#include "io/text.h"

namespace fornax::train {
namespace {

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Cuts the file, if there is one, after the last whole line of its first `keep` bytes, and gives its path.
std::string cut(std::string path, std::int64_t keep, std::string_view head) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return path;
  const std::vector<std::byte> bytes = read_file(path);
  auto end = bytes.begin() + std::clamp<std::int64_t>(keep, 0, std::ssize(bytes));
  while (end != bytes.begin() && end[-1] != std::byte{'\n'}) --end;
  std::string text(static_cast<std::size_t>(end - bytes.begin()), '\0');
  std::ranges::transform(bytes.begin(), end, text.begin(),
                         [](std::byte byte) { return std::to_integer<char>(byte); });
  if (!text.empty() && !text.starts_with(head))
    throw IoError(path, fmt::format("expected a file that begins with {}, got {}",
                                    io::quote(first_line(head)), io::quote(first_line(text))));
  if (end != bytes.end() && ::truncate(path.c_str(), end - bytes.begin()) != 0)
    throw IoError(path, fmt::format("expected to cut the log, got: {}", system_message(errno)));
  return path;
}

}  // namespace

LineLog::LineLog(std::string path, std::int64_t keep, std::string_view head)
    : file_(cut(std::move(path), keep, head)) {
  if (!head.empty() && file_.size() == 0) file_.write(head);
}

}  // namespace fornax::train
