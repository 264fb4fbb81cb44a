// Samples/s of a training step or of inference of other models than ResNet-50, which resnet50_bench takes
// apart: what benchmarks/compare_pytorch.py holds against PyTorch.
#include <memory>
#include <string>

#include "encoder_block.h"
#include "fornax/fornax.h"
#include "measure.h"
#include "model_options.h"

namespace fornax::bench {
namespace {

constexpr const char* encoder_block = "encoder_block";

struct Options : ModelOptions {
  std::string model = "resnet18";
};

/// Without dropout, so that a loss can be seen to fall.
std::unique_ptr<nn::Layer> make_model(const std::string& name) {
  if (name == "resnet18") return models::resnet18();
  if (name == "vgg16") return models::vgg16({.dropout = 0});
  if (name == "mobilenet_v2") return models::mobilenet_v2({.dropout = 0});
  return std::make_unique<EncoderBlock>(EncoderBlockOptions{});
}

nlohmann::json run(const Options& options) {
  const ModelRun how = options.run();
  const std::unique_ptr<nn::Layer> model = make_model(options.model);
  model->to(how.device);
  const Tensor inputs =
      options.model == encoder_block
          ? numbers({options.batch, options.size, EncoderBlockOptions{}.features})
          : numbers({options.batch, 3, options.size, options.size}, -2, 2).to(MemoryFormat::channels_last);
  const auto time = options.mode == "train" ? seconds_of_training : seconds_of_inference;
  const double seconds = time(*model, inputs.to(how.device), how);
  nlohmann::json result = options.describe();
  result.update({{"model", options.model},
                 {"samples_per_second", static_cast<double>(options.batch) / seconds},
                 {"peak_memory_mb", peak_memory_mb(how.device)}});
  return result;
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  fornax::bench::Options options;
  CLI::App app{"Times a training step or inference of a model"};
  app.add_option("--model", options.model,
                 "encoder_block: of a transformer, 512 features in 8 heads, 2048 hidden")
      ->check(CLI::IsMember({"resnet18", "vgg16", "mobilenet_v2", fornax::bench::encoder_block}))
      ->capture_default_str();
  options.add_to(app, {"train", "infer"}, "of the square images, or the length of encoder_block's sequences");
  CLI11_PARSE(app, argc, argv);
  return fornax::bench::report(options, "models_bench", [&] { return run(options); });
}
