// Samples/s of a training step or of inference of other models than ResNet-50, which resnet50_bench takes
// apart: what benchmarks/compare_pytorch.py holds against PyTorch.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "encoder_block.h"
#include "fornax/fornax.h"
#include "measure.h"
#include "model_times.h"

namespace fornax::bench {
namespace {

constexpr const char* encoder_block = "encoder_block";

struct Options {
  std::string device_name = "cpu", model = "resnet18", mode = "train", dtype_name = "f32", json;
  std::int64_t batch = 32, size = 0;
  int threads = 0;
  double seconds = 10;
};

/// Without dropout, so that a loss can be seen to fall.
std::unique_ptr<nn::Layer> make_model(const std::string& name) {
  if (name == "resnet18") return models::resnet18();
  if (name == "vgg16") return models::vgg16({.dropout = 0});
  if (name == "mobilenet_v2") return models::mobilenet_v2({.dropout = 0});
  return std::make_unique<EncoderBlock>(EncoderBlockOptions{});
}

nlohmann::json run(const Options& options) {
  const bool is_block = options.model == encoder_block;
  const std::int64_t size = options.size > 0 ? options.size : is_block ? 128 : 224;
  const ModelRun how{.device = options.device_name == "cuda" ? Device::cuda() : Device::cpu(),
                     .dtype = options.dtype_name == "bf16"  ? bf16
                              : options.dtype_name == "f16" ? f16
                                                            : f32,
                     .seconds = options.seconds};
  const std::unique_ptr<nn::Layer> model = make_model(options.model);
  model->to(how.device);
  const Tensor inputs = is_block
                            ? numbers({options.batch, size, EncoderBlockOptions{}.features})
                            : numbers({options.batch, 3, size, size}, -2, 2).to(MemoryFormat::channels_last);
  const auto time = options.mode == "train" ? seconds_of_training : seconds_of_inference;
  const double seconds = time(*model, inputs.to(how.device), how);
  return {{"device", options.device_name},
          {"model", options.model},
          {"mode", options.mode},
          {"dtype", options.dtype_name},
          {"batch", options.batch},
          {"size", size},
          {"threads", num_threads()},
          {"samples_per_second", static_cast<double>(options.batch) / seconds},
          {"peak_memory_mb", peak_memory_mb(how.device)}};
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  fornax::bench::Options options;
  CLI::App app{"Times a training step or inference of a model"};
  app.add_option("--device", options.device_name)
      ->check(CLI::IsMember({"cpu", "cuda"}))
      ->capture_default_str();
  app.add_option("--model", options.model,
                 "encoder_block: of a transformer, 512 features in 8 heads, 2048 hidden")
      ->check(CLI::IsMember({"resnet18", "vgg16", "mobilenet_v2", fornax::bench::encoder_block}))
      ->capture_default_str();
  app.add_option("--mode", options.mode)->check(CLI::IsMember({"train", "infer"}))->capture_default_str();
  app.add_option("--dtype", options.dtype_name, "bf16, f16: under autocast, no loss scaling")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  app.add_option("--batch", options.batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--size", options.size, "of the square images (224), or of the sequences (128)")
      ->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "default: all cores")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "to measure for, at least")->capture_default_str();
  app.add_option("--json", options.json, "write the result here");
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.threads > 0) fornax::set_num_threads(options.threads);
    const nlohmann::json result = fornax::bench::run(options);
    fmt::print("{}\n", result.dump(2));
    if (!options.json.empty()) fornax::bench::write_json(options.json, result);
  } catch (const std::exception& error) {
    fmt::print(stderr, "models_bench: {}\n", error.what());
    return 1;
  }
}
