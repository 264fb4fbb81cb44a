#include "fornax/nn/summary.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "base/with_commas.h"
#include "fornax/autograd/grad_mode.h"
#include "fornax/device/stream.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/linear.h"

namespace fornax::nn {
namespace {

/// Watches all layers below a model and puts them back in their modes.
class Watch {
 public:
  using Enter = std::function<void()>;
  using Leave = std::function<void(const std::string& name, Layer&, const Tensor& y)>;

  Watch(Module& model, const Enter& enter, const Leave& leave) {
    for (const auto& [name, module] : model.named_modules()) {
      modes_.emplace_back(module, module->is_training());
      if (auto* layer = dynamic_cast<Layer*>(module)) {
        hooks_.emplace_back(layer, layer->register_forward_pre_hook([enter](Layer&, const Tensor&) {
          enter();
          return Tensor();
        }));
        hooks_.emplace_back(layer, layer->register_forward_hook(
                                       [name = name, leave](Layer& self, const Tensor&, const Tensor& y) {
                                         leave(name, self, y);
                                         return Tensor();
                                       }));
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

/// Of layers within layers. The clock is read when the device has done what came before.
class Stopwatch {
 public:
  explicit Stopwatch(Device device) : device_(device) {}
  void start() { starts_.push_back(now()); }
  double stop() {
    const double seconds = now() - starts_.back();
    starts_.pop_back();
    return seconds;
  }

 private:
  double now() const {
    current_stream(device_).synchronize();
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  Device device_;
  std::vector<double> starts_;
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

}  // namespace

ModelSummary summary(Layer& model, const Tensor& input, const SummaryOptions& options) {
  ModelSummary all;
  for (const auto& [name, tensor] : model.named_parameters()) {
    all.parameters += tensor.numel();
    if (tensor.requires_grad()) all.trainable_parameters += tensor.numel();
  }
  const auto has_row = [](const Layer& layer) {
    return layer.children().empty() || own_parameters(layer) > 0;
  };
  const NoGrad no_grad;
  {
    const Watch watch(
        model, [] {},
        [&](const std::string& name, Layer& layer, const Tensor& y) {
          const std::int64_t macs = macs_of(layer, y);
          all.macs += macs;
          if (has_row(layer))
            all.layers.push_back({name, layer.type_name(), y.shape(), own_parameters(layer), macs});
        });
    model(input);
  }
  if (options.timed_calls == 0) return all;
  Stopwatch watch(input.device());
  auto row = all.layers.begin();
  const Watch timed(
      model, [&] { watch.start(); },
      [&](const std::string&, Layer& layer, const Tensor&) {
        const double seconds = watch.stop();
        if (!has_row(layer) || row == all.layers.end()) return;
        row->seconds = row->seconds == 0 ? seconds : std::min(row->seconds, seconds);
        ++row;
      });
  for (int call = 0; call < options.timed_calls; ++call) {
    row = all.layers.begin();
    model(input);
  }
  for (const LayerSummary& layer : all.layers) all.seconds += layer.seconds;
  return all;
}

std::string to_string(const ModelSummary& summary) {
  std::size_t name_width = 5, type_width = 4, shape_width = 12;
  for (const LayerSummary& layer : summary.layers) {
    name_width = std::max(name_width, layer.name.size());
    type_width = std::max(type_width, layer.type.size());
    shape_width = std::max(shape_width, to_string(layer.output).size());
  }
  const auto milliseconds = [&](double seconds) {
    return summary.seconds > 0 ? fmt::format("{:.3f}", 1e3 * seconds) : std::string();
  };
  std::string text;
  const auto line = [&](std::string_view name, std::string_view type, std::string_view shape,
                        std::string_view parameters, std::string_view macs, std::string_view time) {
    text += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>12}  {:>15}  {:>10}", name, name_width, type, type_width,
                        shape, shape_width, parameters, macs, time);
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  };
  line("layer", "type", "output shape", "parameters", "MACs", summary.seconds > 0 ? "ms" : "");
  for (const LayerSummary& layer : summary.layers)
    line(layer.name, layer.type, to_string(layer.output), with_commas(layer.parameters),
         with_commas(layer.macs), milliseconds(layer.seconds));
  line("total", "", "", with_commas(summary.parameters), with_commas(summary.macs),
       milliseconds(summary.seconds));
  if (summary.trainable_parameters != summary.parameters)
    line("trained", "", "", with_commas(summary.trainable_parameters), "", "");
  return text;
}

}  // namespace fornax::nn
