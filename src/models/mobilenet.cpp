#include "fornax/models/mobilenet.h"

#include <algorithm>

#include "fornax/nn/conv.h"
#include "fornax/nn/fused.h"
#include "fornax/nn/norm.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/pool.h"
#include "models/common.h"

namespace fornax::models {
namespace {

using nn::Child;

/// How many channels: torchvision's _make_divisible, which never takes away more than a tenth.
std::int64_t divisible(double channels) {
  const std::int64_t rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

struct ConvOptions {
  std::int64_t in, out, kernel = 1, stride = 1, groups = 1;
};
nn::Conv2dOptions conv_options(const ConvOptions& o) {
  return {.in_channels = o.in,
          .out_channels = o.out,
          .kernel_size = o.kernel,
          .stride = o.stride,
          .padding = o.kernel / 2,
          .groups = o.groups,
          .bias = false};
}

struct ConvBnReLU6 final : nn::Layer {
  Child<nn::Conv2d> conv;
  Child<nn::BatchNorm2d> bn;

  explicit ConvBnReLU6(const ConvOptions& options)
      : conv(*this, "0", conv_options(options)), bn(*this, "1", {.num_features = options.out}) {}
  Tensor forward(const Tensor& x) override { return clamp(nn::conv_bn_act(conv, bn, x), 0, 6); }
};

struct BlockOptions {
  std::int64_t in, out, stride, expansion;
};

/// What an inverted residual adds to its input, or makes of it: torchvision's Sequential `conv`.
struct Branch final : nn::Layer {
  std::unique_ptr<Child<ConvBnReLU6>> expand;  // null where it would change nothing
  Child<ConvBnReLU6> depthwise;
  Child<nn::Conv2d> project;
  Child<nn::BatchNorm2d> bn;

  Branch(const BlockOptions& o, std::int64_t middle)
      : expand(o.expansion == 1
                   ? nullptr
                   : std::make_unique<Child<ConvBnReLU6>>(*this, "0", ConvOptions{o.in, middle})),
        depthwise(*this, expand ? "1" : "0", ConvOptions{middle, middle, 3, o.stride, middle}),
        project(*this, expand ? "2" : "1", conv_options({middle, o.out})),
        bn(*this, expand ? "3" : "2", {.num_features = o.out}) {}
  Tensor forward(const Tensor& x) override { return run(x, {}); }
  Tensor run(const Tensor& x, const Tensor& residual) {
    const Tensor h = depthwise(expand ? (*expand)(x) : x);
    return nn::conv_bn_act(project, bn, h, {.residual = residual});
  }
};

struct InvertedResidual final : nn::Layer {
  Child<Branch> conv;
  bool is_residual;

  explicit InvertedResidual(const BlockOptions& o)
      : conv(*this, "conv", o, o.in * o.expansion), is_residual(o.stride == 1 && o.in == o.out) {}
  Tensor forward(const Tensor& x) override {
    if (!is_residual) return conv(x);
    return conv->has_hooks() ? conv(x) + x : conv->run(x, x);
  }
};

/// Blocks of one kind: the first has the stride.
struct Stage {
  std::int64_t expansion, channels, blocks, stride;
};
constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                            {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

std::int64_t last_channels(const MobileNetV2Options& options) {
  check_width("MobileNetV2", options.width);
  return divisible(1280 * std::max(1.0, options.width));
}

}  // namespace

MobileNetV2Classifier::MobileNetV2Classifier(std::int64_t in, const MobileNetV2Options& options)
    : dropout(*this, "0", {.p = options.dropout}),
      fc(*this, "1", {.in_features = in, .out_features = options.classes}) {}

Tensor MobileNetV2Classifier::forward(const Tensor& x) { return fc(dropout(x)); }

MobileNetV2::MobileNetV2(const MobileNetV2Options& options)
    : LayerWith(options),
      features(*this, "features"),
      classifier(*this, "classifier", last_channels(options), options) {
  std::int64_t in = divisible(32 * options.width);
  features->add(nn::make<ConvBnReLU6>(ConvOptions{options.in_channels, in, 3, 2}));
  for (const Stage& stage : stages) {
    const std::int64_t out = divisible(static_cast<double>(stage.channels) * options.width);
    for (std::int64_t i = 0; i < stage.blocks; ++i, in = out)
      features->add(
          nn::make<InvertedResidual>(BlockOptions{in, out, i == 0 ? stage.stride : 1, stage.expansion}));
  }
  features->add(nn::make<ConvBnReLU6>(ConvOptions{in, last_channels(options)}));
  initialise(*this);
  to(MemoryFormat::channels_last);
}

Tensor MobileNetV2::forward(const Tensor& x) { return classifier(global_avg_pool2d(features(x)).flatten(1)); }

std::unique_ptr<MobileNetV2> mobilenet_v2(const MobileNetV2Options& options) {
  return std::make_unique<MobileNetV2>(options);
}

}  // namespace fornax::models
