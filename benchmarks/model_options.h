#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fornax/base/function_ref.h"
#include "model_times.h"

namespace fornax::bench {

/// What the programs that time models can be told.
struct ModelOptions {
  std::string device_name = "cpu", mode = "train", dtype_name = "f32", json;
  std::int64_t batch = 32, size = 224;
  int threads = 0;
  double seconds = 10;

  void add_to(CLI::App& app, const std::vector<std::string>& modes, const std::string& about_size);
  ModelRun run() const;
  /// What every result begins with.
  nlohmann::json describe() const;
};

/// The rest of a program's main(): prints what `measure` gives and writes it to `--json`, or prints the
/// error.
int report(const ModelOptions& options, const std::string& program, FunctionRef<nlohmann::json()> measure);

}  // namespace fornax::bench
