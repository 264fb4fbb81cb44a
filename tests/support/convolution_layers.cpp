// ResNet's are read from the models of the library, called once on the CPU; those of VGG-16 (Simonyan and
// Zisserman, 2014) and MobileNetV2 (Sandler et al., 2018) are written down as in their papers' tables.
#include "support/convolution_layers.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fornax/autograd/grad_mode.h"
#include "fornax/models/resnet.h"
#include "fornax/ops/create.h"

namespace fornax::test {
namespace {

class Collector {
 public:
  void add(const ConvolutionLayer& layer) {
    const auto is_equal = [&](const ConvolutionLayer& other) {
      const Conv2dParams &a = layer.params, &b = other.params;
      return layer.x == other.x && layer.w == other.w && layer.y == other.y && layer.bias == other.bias &&
             a.stride == b.stride && a.padding == b.padding && a.dilation == b.dilation &&
             a.groups == b.groups;
    };
    if (std::ranges::none_of(layers_, is_equal)) layers_.push_back(layer);
  }

  /// All that a call of the model runs.
  void add_called(const std::string& model_name, nn::Layer& model) {
    for (const auto& [name, module] : model.named_modules())
      if (auto* conv = dynamic_cast<nn::Conv2d*>(module))
        conv->register_forward_hook(
            [this, conv, full_name = model_name + " " + name](nn::Layer&, const Tensor& x, const Tensor& y) {
              const nn::Conv2dOptions& options = conv->options();
              add({full_name,
                   x.shape(),
                   conv->weight.shape(),
                   y.shape(),
                   options.bias,
                   {options.stride, options.padding, options.dilation, options.groups}});
              return Tensor();
            });
    const NoGrad no_grad;
    model.eval();
    model(zeros({1, 3, 224, 224}));
  }

  /// A square convolution that keeps, or by a stride of 2 halves, the size of the images; gives that size.
  std::int64_t add_square(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t size,
                          std::int64_t kernel, std::int64_t stride = 1, std::int64_t groups = 1,
                          bool bias = false) {
    const std::int64_t result = size / stride;
    add({name,
         {1, in, size, size},
         {out, in / groups, kernel, kernel},
         {1, out, result, result},
         bias,
         {.stride = stride, .padding = kernel / 2, .groups = groups}});
    return result;
  }

  const std::vector<ConvolutionLayer>& layers() const { return layers_; }

 private:
  std::vector<ConvolutionLayer> layers_;
};

void add_vgg16(Collector& collector) {
  std::int64_t channels = 3, size = 224;
  constexpr std::pair<int, int> blocks[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};
  for (const auto& [out, count] : blocks) {
    for (int i = 0; i < count; ++i, channels = out)
      collector.add_square("vgg16", channels, out, size, 3, 1, 1, true);
    size /= 2;  // pooling
  }
}

void add_mobilenet_v2(Collector& collector) {
  struct Stage {
    std::int64_t expansion, out;
    int count;
    std::int64_t stride;
  };
  const std::string name = "mobilenet_v2";
  std::int64_t channels = 32, size = collector.add_square(name, 3, channels, 224, 3, 2);
  for (const Stage& stage : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                             Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}})
    for (int i = 0; i < stage.count; ++i, channels = stage.out) {
      const std::int64_t hidden = channels * stage.expansion;
      if (hidden != channels) collector.add_square(name, channels, hidden, size, 1);
      size = collector.add_square(name, hidden, hidden, size, 3, i == 0 ? stage.stride : 1, hidden);
      collector.add_square(name, hidden, stage.out, size, 1);
    }
  collector.add_square(name, channels, 1280, size, 1);
}

std::vector<ConvolutionLayer> collect() {
  Collector collector;
  collector.add_called("resnet18", *models::resnet18());
  collector.add_called("resnet50", *models::resnet50());
  add_vgg16(collector);
  add_mobilenet_v2(collector);
  return collector.layers();
}

}  // namespace

const std::vector<ConvolutionLayer>& convolution_layers() {
  static const std::vector<ConvolutionLayer> layers = collect();
  return layers;
}

}  // namespace fornax::test
