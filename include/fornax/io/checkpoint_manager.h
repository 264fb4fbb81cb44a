#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/io/checkpoint.h"

namespace fornax::io {

struct CheckpointManagerOptions {
  int keep_last = 2;  ///< how many of the last checkpoints stay; the best one stays besides
};

/// A checkpoint that was found.
struct FoundCheckpoint {
  Checkpoint checkpoint;
  std::int64_t step = 0;
  std::string path;
  std::vector<std::string> corrupt;  ///< what is wrong with later ones, naming them
};

/// The checkpoints of a run: a directory with a file for each step that is kept,
/// "step-000000120.safetensors", and links to two of them, "latest.safetensors" and "best.safetensors".
///
///     CheckpointManager checkpoints("runs/a/checkpoints", {.keep_last = 3});
///     checkpoints.save(step, checkpoint, accuracy);
///     ...
///     FoundCheckpoint found = checkpoints.load_latest();
///
/// Whenever a process is killed or a machine stops, also in the middle of a save, the directory holds the
/// last checkpoint whose save() returned, or a later one. One process at a time may save there; any number
/// may read.
class FORNAX_API CheckpointManager {
 public:
  /// Throws ValueError unless keep_last is 1 or more.
  explicit CheckpointManager(std::string directory, CheckpointManagerOptions options = {});

  /// Writes the checkpoint of `step` (replacing one), makes it the latest, and the best if `score` is higher
  /// than that of the best so far; then removes those that need not be kept. Creates the directory where it
  /// is missing. Returns the file's path. Throws ValueError for a negative step, IoError where it cannot be
  /// written: then all others are as they were. Waits for the device.
  std::string save(std::int64_t step, const Checkpoint& checkpoint, std::optional<double> score = {});

  /// The latest checkpoint that is whole, on the CPU: where the latest is corrupt, the one of the step before
  /// it, and so on. Throws IoError if there is none, naming what is wrong with each.
  FoundCheckpoint load_latest() const;
  /// The best one. Throws IoError if there is none or it is corrupt.
  FoundCheckpoint load_best() const;
  /// Whether there is a checkpoint of any step.
  bool empty() const;
  const std::string& directory() const { return directory_; }

 private:
  std::string path_of(std::int64_t step) const;
  std::string link_path(const char* name) const;
  /// The steps of which there is a file, the last first.
  std::vector<std::int64_t> steps() const;
  /// Where the link leads; nothing if that is not there.
  std::optional<std::int64_t> linked_step(const char* name) const;
  void link(const char* name, std::int64_t step) const;
  std::optional<double> best_score() const;
  void prune(std::int64_t latest) const;

  std::string directory_;
  CheckpointManagerOptions options_;
};

}  // namespace fornax::io
