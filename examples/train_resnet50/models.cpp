#include "models.h"

#include <cstdio>
#include <map>

namespace models = fornax::models;

namespace {

const std::map<std::string, decltype(&models::resnet50)>& factories() {
  static const std::map<std::string, decltype(&models::resnet50)> factories = {
      {"resnet18", models::resnet18},   {"resnet34", models::resnet34},   {"resnet50", models::resnet50},
      {"resnet101", models::resnet101}, {"resnet152", models::resnet152},
  };
  return factories;
}

}  // namespace

std::set<std::string> known_models() {
  std::set<std::string> names;
  for (const auto& [name, factory] : factories()) names.insert(name);
  return names;
}

std::unique_ptr<models::ResNet> make_model(const Options& options, std::int64_t classes) {
  auto model =
      factories().at(options.model)({.classes = classes, .width = options.width, .zero_init_residual = true});
  if (options.finetune.empty()) return model;
  const fornax::nn::LoadReport report = fornax::train::load_model(options.finetune, *model, /*strict=*/false);
  for (const auto* names : {&report.missing, &report.mismatched, &report.unexpected})
    for (const std::string& name : *names)
      if (!name.starts_with("fc."))
        throw fornax::ValueError("--finetune", "expected weights of " + options.model + ", got others: '" +
                                                   name + "' does not fit");
  return model;
}

std::string describe_model(fornax::nn::Layer& model, const Options& options, fornax::Device device) {
  const auto side = options.size;
  const fornax::nn::ModelSummary summary =
      fornax::nn::summary(model, fornax::zeros({1, 3, side, side}, {.device = device}));
  double activations = 0;  // elements for one image
  for (const fornax::nn::LayerSummary& layer : summary.layers)
    activations += static_cast<double>(layer.output.product());
  const double parameters = static_cast<double>(summary.parameters);
  // Of a parameter there are the value, its gradient, and what the optimizer remembers.
  const double copies = options.optimizer == "adamw" ? 4 : 3;
  const double bytes =
      4 * copies * parameters + (options.amp ? 2 : 4) * activations * static_cast<double>(options.batch_size);
  char text[200];
  std::snprintf(text, sizeof text, "%.2f M parameters, %.2f GMACs an image, about %.1f GB for a step",
                parameters / 1e6, static_cast<double>(summary.macs) / 1e9, bytes / 1e9);
  return text;
}
