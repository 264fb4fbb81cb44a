#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "fornax/base/export.h"

namespace fornax::io {

/// Replaces a file as a whole or not at all. The bytes go to a temporary in the same directory; `commit`
/// makes them durable and renames it over `path`. Whatever fails before that (a full disk, an exception, a
/// crash), a file that was at `path` is still there, complete; and except after a crash the temporary is
/// gone.
///
///     AtomicFile file("runs/a/config.json");
///     file.write(text);
///     file.commit();
///
/// Every failure is an IoError that names the file, the step and what the operating system said. A symbolic
/// link at `path` is itself replaced, not its target.
class FORNAX_API AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  /// Removes the temporary unless `commit` succeeded.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Flushes to the disk, renames, and flushes the directory. Called once, last.
  void commit();

 private:
  [[noreturn]] void fail(std::string_view step) const;

  std::string path_, temporary_;
  int fd_ = -1;
};

}  // namespace fornax::io
