#include "fornax/train/json_log.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "fornax/base/error.h"
#include "fornax/io/atomic_file.h"

namespace fornax::train {
namespace {

/// Texts that are not UTF-8 get replacement characters: a log line is never the reason for which a run dies.
std::string to_json(const Fields& fields, int indent) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Field& field : fields)
    std::visit([&](const auto& value) { object[field.name] = value; }, field.value);
  return object.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

/// Cuts the file, if there is one, after the last whole line of its first `keep` bytes.
void cut(const std::string& path, std::int64_t keep) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  const std::vector<std::byte> bytes = read_file(path);
  auto end = bytes.begin() + std::clamp<std::int64_t>(keep, 0, std::ssize(bytes));
  while (end != bytes.begin() && end[-1] != std::byte{'\n'}) --end;
  if (end != bytes.end() && ::truncate(path.c_str(), end - bytes.begin()) != 0)
    throw IoError(path, fmt::format("expected to cut the log, got: {}", system_message(errno)));
}

}  // namespace

JsonLog::JsonLog(std::string path, std::int64_t keep) {
  cut(path, keep);
  file_ = std::make_unique<AppendFile>(std::move(path));
}

JsonLog::~JsonLog() = default;

std::int64_t JsonLog::size() const { return file_->size(); }

void JsonLog::write(const Fields& fields) { file_->write(to_json(fields, -1)); }

void write_config(const std::string& path, const Fields& fields) {
  io::AtomicFile file(path);
  file.write(to_json(fields, 2));
  file.commit();
}

}  // namespace fornax::train
