#pragma once

#include <string>

#include "fornax/base/export.h"

namespace fornax::train {

/// Creates `root`/`name`-YYYYMMDD-HHMMSS (local time) and returns its path; adds -2, -3, ... where that is
/// taken, also by a run that starts in the same second. `root` is created where it is missing. Throws
/// ValueError for a name that is not one component of a path, IoError where the directory cannot be made.
FORNAX_API std::string make_run_directory(const std::string& root, const std::string& name);

}  // namespace fornax::train
