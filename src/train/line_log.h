#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/file.h"

namespace fornax::train {

/// A file of lines that grows (AppendFile). Opening an existing one continues it, after its last whole line.
class LineLog {
 public:
  /// Of an existing file only the first `keep` bytes stay. It begins with `head`, whole lines, which a new
  /// one gets. Throws IoError where the file cannot be opened or begins with something else.
  explicit LineLog(std::string path, std::int64_t keep = std::numeric_limits<std::int64_t>::max(),
                   std::string_view head = {});

  void write(std::string_view lines) { file_.write(lines); }
  std::int64_t size() const { return file_.size(); }

 private:
  AppendFile file_;
};

}  // namespace fornax::train
