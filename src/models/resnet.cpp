#include "fornax/models/resnet.h"

#include <optional>

#include "fornax/nn/fused.h"
#include "fornax/nn/init.h"
#include "fornax/ops/pool.h"
#include "models/common.h"

namespace fornax::models {
namespace {

using nn::BatchNorm2d;
using nn::BatchNormOptions;
using nn::Child;
using nn::Conv2d;
using nn::Conv2dOptions;
using nn::conv_bn_act;

Conv2dOptions conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                   const ResNetOptions& options) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel_size = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = options.conv_bias};
}

BatchNormOptions norm(std::int64_t channels, const ResNetOptions& options) {
  return {.num_features = channels, .eps = options.bn_eps};
}

/// The shortcut of a block that changes the shape; its parts are named as those of torchvision's Sequential.
struct Downsample final : nn::Layer {
  Child<Conv2d> conv;
  Child<BatchNorm2d> bn;

  Downsample(std::int64_t in, std::int64_t out, std::int64_t stride, const ResNetOptions& options)
      : conv(*this, "0", models::conv(in, out, 1, stride, options)), bn(*this, "1", norm(out, options)) {}
  Tensor forward(const Tensor& x) override { return conv_bn_act(conv, bn, x); }
};

struct BasicBlock final : nn::Layer {
  static constexpr std::int64_t expansion = 1;
  Child<Conv2d> conv1;
  Child<BatchNorm2d> bn1;
  Child<Conv2d> conv2;
  Child<BatchNorm2d> bn2;
  std::optional<Child<Downsample>> downsample;

  BasicBlock(std::int64_t in, std::int64_t planes, std::int64_t stride, const ResNetOptions& options)
      : conv1(*this, "conv1", conv(in, planes, 3, stride, options)),
        bn1(*this, "bn1", norm(planes, options)),
        conv2(*this, "conv2", conv(planes, planes, 3, 1, options)),
        bn2(*this, "bn2", norm(planes, options)) {
    if (stride != 1 || in != planes) downsample.emplace(*this, "downsample", in, planes, stride, options);
    if (options.zero_init_residual) nn::init::zeros_(bn2->weight);
  }
  Tensor forward(const Tensor& x) override {
    const Tensor shortcut = downsample ? (*downsample)(x) : x;
    const Tensor h = conv_bn_act(conv1, bn1, x, {.activation = Activation::relu});
    return conv_bn_act(conv2, bn2, h, {.activation = Activation::relu, .residual = shortcut});
  }
};

struct Bottleneck final : nn::Layer {
  static constexpr std::int64_t expansion = 4;
  Child<Conv2d> conv1;
  Child<BatchNorm2d> bn1;
  Child<Conv2d> conv2;
  Child<BatchNorm2d> bn2;
  Child<Conv2d> conv3;
  Child<BatchNorm2d> bn3;
  std::optional<Child<Downsample>> downsample;

  Bottleneck(std::int64_t in, std::int64_t planes, std::int64_t stride, const ResNetOptions& options)
      : conv1(*this, "conv1", conv(in, planes, 1, options.stride_in_1x1 ? stride : 1, options)),
        bn1(*this, "bn1", norm(planes, options)),
        conv2(*this, "conv2", conv(planes, planes, 3, options.stride_in_1x1 ? 1 : stride, options)),
        bn2(*this, "bn2", norm(planes, options)),
        conv3(*this, "conv3", conv(planes, expansion * planes, 1, 1, options)),
        bn3(*this, "bn3", norm(expansion * planes, options)) {
    if (stride != 1 || in != expansion * planes)
      downsample.emplace(*this, "downsample", in, expansion * planes, stride, options);
    if (options.zero_init_residual) nn::init::zeros_(bn3->weight);
  }
  Tensor forward(const Tensor& x) override {
    const Tensor shortcut = downsample ? (*downsample)(x) : x;
    Tensor h = conv_bn_act(conv1, bn1, x, {.activation = Activation::relu});
    h = conv_bn_act(conv2, bn2, h, {.activation = Activation::relu});
    return conv_bn_act(conv3, bn3, h, {.activation = Activation::relu, .residual = shortcut});
  }
};

template <class Block>
void fill_stage(nn::Sequential& stage, int blocks, std::int64_t in, std::int64_t planes, std::int64_t stride,
                const ResNetOptions& options) {
  for (int i = 0; i < blocks; ++i)
    stage.add(i == 0 ? std::make_unique<Block>(in, planes, stride, options)
                     : std::make_unique<Block>(Block::expansion * planes, planes, 1, options));
}

std::int64_t first_planes(const ResNetOptions& options) {
  check_width("ResNet", options.width);
  return scaled(64, options.width);
}

}  // namespace

ResNet::ResNet(const ResNetLayout& layout, const ResNetOptions& options)
    : layout_(layout),
      options_(options),
      conv1(*this, "conv1",
            Conv2dOptions{.in_channels = options.in_channels,
                          .out_channels = first_planes(options),
                          .kernel_size = 7,
                          .stride = 2,
                          .padding = 3,
                          .bias = options.conv_bias}),
      bn1(*this, "bn1", norm(first_planes(options), options)),
      layer1(*this, "layer1"),
      layer2(*this, "layer2"),
      layer3(*this, "layer3"),
      layer4(*this, "layer4"),
      fc(*this, "fc",
         {.in_features = (layout.bottleneck ? 4 : 1) * 8 * first_planes(options),
          .out_features = options.classes}) {
  std::int64_t in = first_planes(options), planes = in;
  nn::Sequential* const stages[] = {&*layer1, &*layer2, &*layer3, &*layer4};
  for (std::size_t i = 0; i < 4; ++i, planes *= 2) {
    const std::int64_t stride = i == 0 ? 1 : 2;
    if (layout.bottleneck)
      fill_stage<Bottleneck>(*stages[i], layout.blocks[i], in, planes, stride, options);
    else
      fill_stage<BasicBlock>(*stages[i], layout.blocks[i], in, planes, stride, options);
    in = planes * (layout.bottleneck ? Bottleneck::expansion : BasicBlock::expansion);
  }
  apply([](nn::Module& module) {
    if (auto* layer = dynamic_cast<Conv2d*>(&module))
      nn::init::kaiming_normal_(
          layer->weight, {.mode = nn::init::FanMode::out, .nonlinearity = nn::init::Nonlinearity::relu});
  });
  to(MemoryFormat::channels_last);
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor h = conv_bn_act(conv1, bn1, x, {.activation = Activation::relu});
  h = max_pool2d(h, 3, {.stride = 2, .padding = 1});
  h = layer4(layer3(layer2(layer1(h))));
  return fc(global_avg_pool2d(h).flatten(1));
}

std::unique_ptr<ResNet> resnet18(const ResNetOptions& options) {
  return std::make_unique<ResNet>(ResNetLayout{{2, 2, 2, 2}, false}, options);
}
std::unique_ptr<ResNet> resnet34(const ResNetOptions& options) {
  return std::make_unique<ResNet>(ResNetLayout{{3, 4, 6, 3}, false}, options);
}
std::unique_ptr<ResNet> resnet50(const ResNetOptions& options) {
  return std::make_unique<ResNet>(ResNetLayout{{3, 4, 6, 3}, true}, options);
}
std::unique_ptr<ResNet> resnet101(const ResNetOptions& options) {
  return std::make_unique<ResNet>(ResNetLayout{{3, 4, 23, 3}, true}, options);
}
std::unique_ptr<ResNet> resnet152(const ResNetOptions& options) {
  return std::make_unique<ResNet>(ResNetLayout{{3, 8, 36, 3}, true}, options);
}

}  // namespace fornax::models
