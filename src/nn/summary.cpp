#include "fornax/nn/summary.h"

#include <fmt/core.h>

#include <algorithm>

#include "fornax/autograd/grad_mode.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/linear.h"

namespace fornax::nn {
namespace {

/// Watches all layers below a model and puts them back in their modes.
class Watch {
 public:
  using See = std::function<void(const std::string& name, Layer&, const Tensor& y)>;

  Watch(Module& model, const See& see) {
    for (const auto& [name, module] : model.named_modules()) {
      modes_.emplace_back(module, module->is_training());
      if (auto* layer = dynamic_cast<Layer*>(module)) {
        const int id =
            layer->register_forward_hook([name = name, see](Layer& self, const Tensor&, const Tensor& y) {
              see(name, self, y);
              return Tensor();
            });
        hooks_.emplace_back(layer, id);
      }
    }
    model.eval();
  }
  ~Watch() {
    for (const auto& [layer, id] : hooks_) layer->remove_hook(id);
    for (const auto& [module, on] : modes_) module->train(on);  // parents before children
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modes_;
  std::vector<std::pair<Layer*, int>> hooks_;
};

std::int64_t macs_of(const Layer& layer, const Tensor& y) {
  if (const auto* conv = dynamic_cast<const Conv2d*>(&layer))
    return y.numel() * (conv->weight.numel() / conv->weight.size(0));
  if (const auto* linear = dynamic_cast<const Linear*>(&layer)) return y.numel() * linear->weight.size(1);
  return 0;
}

std::int64_t own_parameters(const Module& module) {
  std::int64_t count = 0;
  for (const auto& [name, tensor] : module.named_parameters())
    if (name.find('.') == std::string::npos) count += tensor.numel();
  return count;
}

std::string with_commas(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
    text.insert(static_cast<std::size_t>(at), 1, ',');
  return text;
}

}  // namespace

ModelSummary summary(Layer& model, const Tensor& input) {
  ModelSummary all;
  for (const auto& [name, tensor] : model.named_parameters()) {
    all.parameters += tensor.numel();
    if (tensor.requires_grad()) all.trainable_parameters += tensor.numel();
  }
  const Watch watch(model, [&](const std::string& name, Layer& layer, const Tensor& y) {
    LayerSummary row{name, layer.type_name(), y.shape(), own_parameters(layer), macs_of(layer, y)};
    all.macs += row.macs;
    if (layer.children().empty() || row.parameters > 0) all.layers.push_back(std::move(row));
  });
  const NoGrad no_grad;
  model(input);
  return all;
}

std::string to_string(const ModelSummary& summary) {
  std::size_t name_width = 5, type_width = 4, shape_width = 12;
  for (const LayerSummary& layer : summary.layers) {
    name_width = std::max(name_width, layer.name.size());
    type_width = std::max(type_width, layer.type.size());
    shape_width = std::max(shape_width, to_string(layer.output).size());
  }
  std::string text;
  const auto line = [&](std::string_view name, std::string_view type, std::string_view shape,
                        std::string_view parameters, std::string_view macs) {
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>15}", name, name_width, type, type_width, shape,
                        shape_width, parameters, macs);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  line("layer", "type", "output shape", "parameters", "MACs");
  for (const LayerSummary& layer : summary.layers)
    line(layer.name, layer.type, to_string(layer.output), with_commas(layer.parameters),
         with_commas(layer.macs));
  line("total", "", "", with_commas(summary.parameters), with_commas(summary.macs));
  if (summary.trainable_parameters != summary.parameters)
    line("trained", "", "", with_commas(summary.trainable_parameters), "");
  return text;
}

}  // namespace fornax::nn
