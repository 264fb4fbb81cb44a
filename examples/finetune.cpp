// Fine-tunes a ResNet from published weights. In the first epoch a new head learns on what the frozen
// backbone sees; from then on the backbone learns too, at a tenth of the head's rate. `finetune --help` lists
// the options.
//
//     finetune --weights resnet18.pth --model resnet18 --data cifar10:DIRECTORY
#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <string>

#include "fornax/fornax.h"

namespace fx = fornax;
namespace data = fornax::data;
namespace models = fornax::models;

namespace {

struct Options {
  std::string weights, model = "resnet50", data = "fashion-mnist", out;
  std::int64_t epochs = 3, batch_size = 64, limit = 0;
  double lr = 0.05, width = 1;
};

const std::map<std::string, decltype(&models::resnet50)> known_models = {
    {"resnet18", models::resnet18}, {"resnet34", models::resnet34}, {"resnet50", models::resnet50}};

/// The set that --data names, normalised as the images were on which weights of ImageNet were trained.
std::shared_ptr<data::ImageDataset> open_set(const std::string& name, data::Split split) {
  data::ImageOptions options{.mean = {0.485f, 0.456f, 0.406f}, .stddev = {0.229f, 0.224f, 0.225f}};
  const auto colon = name.find(':');
  const std::string kind = name.substr(0, colon),
                    directory = colon == std::string::npos ? "" : name.substr(colon + 1);
  if (kind == "cifar10") {
    options.flip = split == data::Split::train;
    return data::cifar10(directory, split, options);
  }
  if (kind != "fashion-mnist")
    throw fx::ValueError("--data", "expected fashion-mnist[:DIR] or cifar10:DIR, got " + name);
  options.border = 2;
  options.channels = 3;
  return data::fashion_mnist(directory.empty() ? "/usr/share/datasets/fashion-mnist" : directory, split,
                             options);
}

/// Loads all but the head, which is for other classes; anything else that does not fit is an error.
void load_backbone(const std::string& path, models::ResNet& model) {
  const fx::nn::Linear head(
      {.in_features = model.fc->weight.size(1), .out_features = model.fc->weight.size(0)});
  const fx::nn::LoadReport report = fx::train::load_model(path, model, /*strict=*/false);
  for (const auto* names : {&report.missing, &report.mismatched})
    for (const std::string& name : *names)
      if (!name.starts_with("fc."))
        throw fx::ValueError("--weights", "expected those of --model, got others: " + name + " does not fit");
  model.fc->load_state(head.state());  // new, even if the file has one of this size
}

double accuracy(models::ResNet& model, data::DataLoader& loader, fx::Device device) {
  const fx::NoGrad no_grad;
  model.eval();
  std::int64_t correct = 0;
  for (const auto& [image, label] : data::Prefetcher(loader, device))
    correct += fx::train::top_k_correct(model(image), label).item<std::int64_t>();
  return static_cast<double>(correct) / static_cast<double>(loader.dataset().size());
}

void run(const Options& options) {
  const fx::Device device = fx::best_device();
  data::DataLoader train(
      open_set(options.data, data::Split::train),
      {.batch_size = options.batch_size, .workers = 1, .shuffle = true, .drop_last = true});
  data::DataLoader test(open_set(options.data, data::Split::test),
                        {.batch_size = 4 * options.batch_size, .workers = 1});
  const std::int64_t all = train.batches(),
                     some = (options.limit + options.batch_size - 1) / options.batch_size;
  const std::int64_t batches = options.limit > 0 ? std::min(some, all) : all;

  const auto model = known_models.at(options.model)({.classes = 10, .width = options.width});
  load_backbone(options.weights, *model);
  model->to(device);
  model->requires_grad_(false);
  model->fc->requires_grad_();
  fx::State backbone, head;
  for (const auto& [name, tensor] : model->named_parameters())
    (name.starts_with("fc.") ? head : backbone).add(name, tensor);
  fx::optim::SGD optimizer({{head, {.lr = options.lr, .momentum = 0.9}}});

  for (std::int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
    if (epoch == 2) {
      model->requires_grad_();
      optimizer.add_group({backbone, {.lr = options.lr / 10, .momentum = 0.9, .weight_decay = 1e-4}});
    }
    model->train(epoch > 1);  // frozen, batch norms keep their statistics
    fx::train::Progress progress("epoch " + std::to_string(epoch), batches);
    std::int64_t step = 0;
    for (const auto& [image, label] : data::Prefetcher(train, device)) {
      const fx::Tensor loss = fx::cross_entropy((*model)(image), label);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      progress.step({.images = label.numel(), .numbers = {{"loss", loss.item()}}});
      if (++step == batches) break;
    }
    progress.finish();
    std::printf("epoch %lld: test accuracy %.4f\n", static_cast<long long>(epoch),
                accuracy(*model, test, device));
  }
  if (!options.out.empty()) fx::train::save_model(options.out, *model);
}

}  // namespace

int main(int argc, char** argv) try {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // each line is seen at once, through a pipe too
  Options options;
  CLI::App app{"Fine-tunes a ResNet from published weights"};
  app.option_defaults()->always_capture_default()->take_last();
  app.add_option("--weights", options.weights, "a .safetensors, .pt or .pth file of the model")->required();
  app.add_option("--model", options.model)->check(CLI::IsMember(known_models));
  app.add_option("--data", options.data, "fashion-mnist[:DIR] or cifar10:DIR (binary version)");
  app.add_option("--epochs", options.epochs, "the first with a frozen backbone")->check(CLI::PositiveNumber);
  app.add_option("--batch-size", options.batch_size)->check(CLI::PositiveNumber);
  app.add_option("--lr", options.lr, "of the head; a tenth for the backbone");
  app.add_option("--limit", options.limit, "training images an epoch; 0: all");
  app.add_option("--width", options.width, "scales the channels, for small runs");
  app.add_option("--out", options.out, "where the model goes, as safetensors");
  CLI11_PARSE(app, argc, argv);
  run(options);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
