#include "fornax/train/json_log.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace

JsonLog::JsonLog(std::string path)
    : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw IoError(path_, fmt::format("expected to open the log, got: {}", system_message(errno)));
}

JsonLog::~JsonLog() { ::close(fd_); }

void JsonLog::write(const Fields& fields) {
  const std::string line = to_json(fields, -1);
  ssize_t written;
  do written = ::write(fd_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size()))
    throw IoError(path_,
                  fmt::format("expected to append {} bytes, got: {}", line.size(),
                              written < 0 ? system_message(errno) : fmt::format("only {} written", written)));
}

void write_config(const std::string& path, const Fields& fields) {
  io::AtomicFile file(path);
  file.write(to_json(fields, 2));
  file.commit();
}

}  // namespace fornax::train
