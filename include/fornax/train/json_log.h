#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "fornax/base/export.h"

/// What a run writes down, as JSON.
namespace fornax::train {

class LineLog;

/// A named value of a log line or a configuration. A number that is not finite is written as null.
struct Field {
  std::string name;
  std::variant<bool, std::int64_t, double, std::string> value;
};
using Fields = std::vector<Field>;

/// A log in JSON lines: one object a line, in the file as soon as `write` returns, so that it can be followed
/// and survives a crash. Opening an existing file continues it, after its last whole line: half of one, which
/// a crash may leave, is cut off.
///
///     JsonLog log("runs/a/log.jsonl");
///     log.write({{"step", 10}, {"loss", loss}, {"phase", "train"}});
class FORNAX_API JsonLog {
 public:
  /// Of an existing file only the first `keep` bytes stay: a run that goes on from a checkpoint writes anew
  /// what it had written since. Throws IoError where the file cannot be opened.
  explicit JsonLog(std::string path, std::int64_t keep = std::numeric_limits<std::int64_t>::max());
  ~JsonLog();
  JsonLog(const JsonLog&) = delete;
  JsonLog& operator=(const JsonLog&) = delete;

  /// Appends one object with `fields` in their order. May be called from any thread. Throws IoError.
  void write(const Fields& fields);
  /// Bytes of the file: what a checkpoint notes for `keep`. Throws IoError.
  std::int64_t size() const;

 private:
  std::unique_ptr<LineLog> lines_;
};

/// Writes one object, indented, replacing the file at `path` as a whole. Throws IoError.
FORNAX_API void write_config(const std::string& path, const Fields& fields);

}  // namespace fornax::train
