// Images/s and GFLOP/s of ResNet-50, as a fraction of what the machine's arithmetic allows (its peak) and of
// what arithmetic and memory allow together (the roofline). The result is checked first: a training loss must
// be finite and fall, logits must be finite.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "fornax/cuda/memory.h"
#include "fornax/fornax.h"
#include "measure.h"
#include "model_options.h"
#include "peak.h"

namespace fornax::bench {
namespace {

constexpr std::int64_t classes = 1000;

struct Options : ModelOptions {
  double width = 1;
  bool by_shape = false;
};

/// A convolution as the model ran it.
struct Convolution {
  Tensor x, weight, dy;
  Conv2dParams params;
  bool needs_dx;
  double flops;        // of forward, and of each gradient
  double in, out;      // elements of x and y
  bool opens, closes;  // a block: the first reads the sum of two gradients, the last one's result is added
};

/// What the model does for one batch: its convolutions, and multiply-adds counted as two.
struct Work {
  std::vector<Convolution> convolutions;
  double linear_flops = 0, parameters = 0;

  double conv_flops(int passes) const {
    double sum = 0;
    for (const Convolution& c : convolutions) sum += c.flops * (passes == 3 && !c.needs_dx ? 2 : passes);
    return sum;
  }
  double flops(int passes) const { return conv_flops(passes) + linear_flops * passes; }

  /// What must move to and from memory where each convolution, each gradient of it and each batch norm with
  /// its activation and addition is one op that no cache helps; pooling, the classifier and the loss are
  /// small.
  double bytes(std::string_view mode, double element_size) const {
    double elements = 0;
    for (const Convolution& c : convolutions) {
      const bool train = mode == "train";
      elements += (c.in + c.out) * (mode == "infer" ? 1 : c.needs_dx ? 3 : 2);
      if (mode == "conv") continue;
      // Statistics read y; the normalisation reads and writes it, or for inference is in the weights.
      // Backward, sums read y and dy; dy becomes dx.
      if (train) elements += c.out * (3 + 5);
      if (c.closes) elements += c.out * (train ? 2 : 1);  // reads what is added, and writes its gradient
      if (c.opens && train) elements += 3 * c.in;
    }
    // Weight, gradient and momentum are read, two of them written.
    return elements * element_size + (mode == "train" ? 5 * parameters * sizeof(float) : 0);
  }
};

/// Runs the model once and notes its convolutions, with their inputs in `dtype` if `keep` is set.
Work observe(models::ResNet& model, const Tensor& images, std::optional<DType> keep) {
  Work work;
  std::vector<std::pair<nn::Layer*, int>> hooks;
  const auto watch = [&](nn::Layer& layer, nn::Layer::ForwardHook hook) {
    hooks.emplace_back(&layer, layer.register_forward_hook(std::move(hook)));
  };
  for (const auto& entry : model.named_modules()) {
    const std::string& name = entry.first;
    nn::Module* const module = entry.second;
    if (auto* conv = dynamic_cast<nn::Conv2d*>(module))
      watch(*conv, [&work, conv, keep, name](nn::Layer&, const Tensor& x, const Tensor& y) {
        const auto& o = conv->options();
        const std::int64_t multiplications = conv->weight.numel() / conv->weight.size(0);  // per output
        Convolution c{.params = {o.stride, o.padding, o.dilation, o.groups},
                      .needs_dx = !work.convolutions.empty(),
                      .flops = 2.0 * static_cast<double>(y.numel() * multiplications),
                      .in = static_cast<double>(x.numel()),
                      .out = static_cast<double>(y.numel()),
                      .opens = name.ends_with(".conv1"),
                      .closes = name.ends_with(".conv3")};
        if (keep) {
          c.x = x.to(*keep);
          c.weight = conv->weight.detach().to(*keep);
          c.dy = y.to(*keep);
        }
        work.convolutions.push_back(std::move(c));
        return Tensor();
      });
    if (auto* linear = dynamic_cast<nn::Linear*>(module))
      watch(*linear, [&work, linear](nn::Layer&, const Tensor& x, const Tensor&) {
        work.linear_flops += 2.0 * static_cast<double>(x.size(0) * linear->weight.numel());
        return Tensor();
      });
  }
  for (const auto& [name, parameter] : model.named_parameters())
    work.parameters += static_cast<double>(parameter.numel());
  const NoGrad no_grad;
  model(images);
  for (const auto& [layer, id] : hooks) layer->remove_hook(id);
  return work;
}

void forward(const Convolution& c) { conv2d(c.x, c.weight, {}, c.params); }
void grad_input(const Convolution& c) { conv2d_grad_input(c.dy, c.weight, c.x.shape(), c.params); }
void grad_weight(const Convolution& c) {
  conv2d_grad_weight(c.dy, c.x, c.weight.shape(), c.params, c.weight.suggested_format());
}

/// Forward and both gradients of every convolution; the first needs none of the images.
double time_convolutions(const Work& work, const ModelRun& how) {
  const NoGrad no_grad;
  return seconds_of(
      [&] {
        for (const Convolution& c : work.convolutions) {
          forward(c);
          if (c.needs_dx) grad_input(c);
          grad_weight(c);
        }
      },
      how.seconds, how.device);
}

/// GFLOP/s of each pass of each kind of convolution by itself, `--seconds` in all, and of the passes over the
/// model.
nlohmann::json time_by_shape(const Work& work, const ModelRun& how) {
  struct Pass {
    const char* name;
    void (*run)(const Convolution&);
    double flops, seconds;
  };
  Pass passes[] = {
      {"forward", forward, 0, 0}, {"grad_input", grad_input, 0, 0}, {"grad_weight", grad_weight, 0, 0}};
  std::vector<std::pair<const Convolution*, int>> kinds;  // and how many there are
  for (const Convolution& c : work.convolutions) {
    const auto found = std::ranges::find_if(kinds, [&](const auto& kind) {
      const Convolution& other = *kind.first;
      return other.x.shape() == c.x.shape() && other.weight.shape() == c.weight.shape() &&
             other.dy.shape() == c.dy.shape();
    });
    if (found == kinds.end())
      kinds.emplace_back(&c, 1);
    else
      ++found->second;
  }
  const NoGrad no_grad;
  nlohmann::json result = {{"shapes", nlohmann::json::array()}};
  for (const auto& kind : kinds) {
    const Convolution& c = *kind.first;
    nlohmann::json row = {{"x", to_string(c.x.shape())},
                          {"weight", to_string(c.weight.shape())},
                          {"stride", c.params.stride.h},
                          {"count", kind.second}};
    for (Pass& pass : passes) {
      if (pass.run == grad_input && !c.needs_dx) continue;
      const double seconds =
          seconds_of([&] { pass.run(c); }, how.seconds / static_cast<double>(3 * kinds.size()), how.device);
      row[fmt::format("{}_gflops", pass.name)] = c.flops / seconds * 1e-9;
      pass.flops += c.flops * kind.second;
      pass.seconds += seconds * kind.second;
    }
    result["shapes"].push_back(row);
  }
  for (const Pass& pass : passes)
    result[fmt::format("{}_gflops", pass.name)] = pass.flops / pass.seconds * 1e-9;
  return result;
}

nlohmann::json run(const Options& options) {
  const bool conv = options.mode == "conv", train = options.mode == "train";
  if (options.by_shape && !conv)
    throw ValueError("--by-shape", fmt::format("expected --mode conv, got --mode {}", options.mode));
  const ModelRun how = options.run();
  const Device device = how.device;
  const DType dtype = how.dtype;
  const auto model = models::resnet50({.classes = classes, .width = options.width});
  model->to(device);
  const Tensor images = numbers({options.batch, 3, options.size, options.size}, -2, 2)
                            .to(MemoryFormat::channels_last)
                            .to(device);
  if (options.mode == "infer") model->eval();  // in which a batch of one pixel is no error
  const Work work = observe(*model, images, conv ? std::optional(dtype) : std::nullopt);
  if (!device.is_cpu()) cuda::reset_peak_memory(device);
  const double seconds = conv    ? time_convolutions(work, how)
                         : train ? seconds_of_training(*model, images, how)
                                 : seconds_of_inference(*model, images, how);
  const double memory = peak_memory_mb(device);
  const double flops = conv ? work.conv_flops(3) : work.flops(train ? 3 : 1);
  const double bytes = work.bytes(options.mode, static_cast<double>(size_of(dtype)));
  const double gflops = flops / seconds * 1e-9, peak = peak_gflops(dtype, device);
  const double bandwidth = peak_gb_per_s(device);
  const double least_seconds = 1e-9 * std::max(flops / peak, bytes / bandwidth);
  nlohmann::json result = options.describe();
  result.update({{"images_per_second", static_cast<double>(options.batch) / seconds},
                 {"gflops", gflops},
                 {"peak_gflops", peak},
                 {"fraction_of_peak", gflops / peak},
                 {"mb_per_image", 1e-6 * bytes / static_cast<double>(options.batch)},
                 {"peak_gb_per_s", bandwidth},
                 {"fraction_of_roofline", least_seconds / seconds},
                 {"peak_memory_mb", memory}});
  if (conv && options.by_shape) result.update(time_by_shape(work, how));
  return result;
}

}  // namespace
}  // namespace fornax::bench

int main(int argc, char** argv) {
  fornax::bench::Options options;
  CLI::App app{"Times ResNet-50: training steps, inference, or its convolutions alone"};
  options.add_to(app, {"train", "infer", "conv"}, "of the square images");
  app.add_option("--width", options.width, "scales the channels, for small runs")->capture_default_str();
  app.add_flag("--by-shape", options.by_shape,
               "with --mode conv: each pass of each kind of convolution as well");
  CLI11_PARSE(app, argc, argv);
  return fornax::bench::report(options, "resnet50_bench", [&] { return run(options); });
}
