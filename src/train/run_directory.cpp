#include "fornax/train/run_directory.h"

#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <system_error>

#include "fornax/base/error.h"

namespace fornax::train {

std::string make_run_directory(const std::string& root, const std::string& name) {
  namespace fs = std::filesystem;
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
    throw ValueError("make_run_directory", fmt::format("expected a name without '/', got '{}'", name));
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char time[32];
  std::strftime(time, sizeof time, "%Y%m%d-%H%M%S", &local);

  std::error_code error;
  fs::create_directories(root, error);
  for (int attempt = 1; !error; ++attempt) {
    const fs::path path =
        fs::path(root) / fmt::format("{}-{}{}", name, time, attempt == 1 ? "" : fmt::format("-{}", attempt));
    if (fs::create_directory(path, error)) return path;  // false without an error: it exists
  }
  throw IoError(root,
                fmt::format("expected to create a directory for run '{}', got: {}", name, error.message()));
}

}  // namespace fornax::train
