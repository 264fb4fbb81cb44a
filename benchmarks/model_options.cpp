#include "model_options.h"

#include <fmt/core.h>

#include <exception>

#include "fornax/base/parallel.h"
#include "measure.h"

namespace fornax::bench {

void ModelOptions::add_to(CLI::App& app, const std::vector<std::string>& modes,
                          const std::string& about_size) {
  app.add_option("--device", device_name)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--mode", mode)->check(CLI::IsMember(modes))->capture_default_str();
  app.add_option("--dtype", dtype_name, "bf16, f16: under autocast, no loss scaling")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  app.add_option("--batch", batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--size", size, about_size)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", threads, "default: all cores")->check(CLI::PositiveNumber);
  app.add_option("--seconds", seconds, "to measure for, at least")->capture_default_str();
  app.add_option("--json", json, "write the result here");
}

ModelRun ModelOptions::run() const {
  return {.device = device_name == "cuda" ? Device::cuda() : Device::cpu(),
          .dtype = dtype_name == "bf16"  ? bf16
                   : dtype_name == "f16" ? f16
                                         : f32,
          .seconds = seconds};
}

nlohmann::json ModelOptions::describe() const {
  return {{"device", device_name}, {"mode", mode}, {"dtype", dtype_name},
          {"batch", batch},        {"size", size}, {"threads", num_threads()}};
}

int report(const ModelOptions& options, const std::string& program, FunctionRef<nlohmann::json()> measure) {
  try {
    if (options.threads > 0) set_num_threads(options.threads);
    const nlohmann::json result = measure();
    fmt::print("{}\n", result.dump(2));
    if (!options.json.empty()) write_json(options.json, result);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 1;
  }
}

}  // namespace fornax::bench
