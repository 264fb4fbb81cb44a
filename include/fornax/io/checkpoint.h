#pragma once

#include <map>
#include <string>
#include <string_view>

#include "fornax/base/export.h"
#include "fornax/io/safetensors.h"

namespace fornax::io {

/// All that a run needs to go on: the states of its parts ("model", "optimizer", "schedule", "random",
/// "data", ...) and texts about it.
///
///     Checkpoint checkpoint;
///     checkpoint.parts["model"] = model->state();
///     checkpoint.parts["optimizer"] = optimizer.state();
///     save_checkpoint("runs/a/last.safetensors", checkpoint);
struct FORNAX_API Checkpoint {
  std::map<std::string, State, std::less<>> parts;
  Metadata metadata;

  /// Throws ValueError naming the parts that there are.
  const State& part(std::string_view name) const;
};

/// Writes one safetensors file in which tensor `t` of part `p` is called "p.t", with a checksum of all its
/// bytes. The previous file at `path` survives whatever fails. Throws ValueError for a part whose name is
/// empty or has a '.', IoError. Waits for the device.
FORNAX_API void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Reads what save_checkpoint wrote; everything is on the CPU. Throws IoError for any other file, and for one
/// of which a single bit has changed.
FORNAX_API Checkpoint load_checkpoint(const std::string& path);

}  // namespace fornax::io
