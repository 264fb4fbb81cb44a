#include "fornax/models/vgg.h"

#include <optional>
#include <string>

#include "fornax/nn/conv.h"
#include "fornax/nn/fused.h"
#include "fornax/nn/norm.h"
#include "fornax/ops/pool.h"
#include "models/common.h"

namespace fornax::models {
namespace {

constexpr std::array<std::int64_t, 5> channels{64, 128, 256, 512, 512};
constexpr std::int64_t map = 7, hidden = 4096;

}  // namespace

struct VGGFeatures::Step {
  nn::Child<nn::Conv2d> conv;
  std::optional<nn::Child<nn::BatchNorm2d>> bn;
  bool pools = false;

  Step(VGGFeatures& owner, int number, std::int64_t in, std::int64_t out, bool batch_norm)
      : conv(owner, std::to_string(number),
             {.in_channels = in, .out_channels = out, .kernel_size = 3, .padding = 1}) {
    if (batch_norm) bn.emplace(owner, std::to_string(number + 1), nn::BatchNormOptions{.num_features = out});
  }
};

VGGFeatures::VGGFeatures(const VGGLayout& layout, const VGGOptions& options) {
  check_width("VGG", options.width);
  std::int64_t in = options.in_channels;
  int number = 0;
  for (std::size_t stage = 0; stage < layout.size(); ++stage) {
    const std::int64_t out = scaled(channels[stage], options.width);
    for (int i = 0; i < layout[stage]; ++i, in = out) {
      steps_.push_back(std::make_unique<Step>(*this, number, in, out, options.batch_norm));
      number += options.batch_norm ? 3 : 2;  // with the activation
    }
    steps_.back()->pools = true;
    ++number;
  }
}

VGGFeatures::~VGGFeatures() = default;

Tensor VGGFeatures::forward(const Tensor& x) {
  Tensor h = x;
  for (const auto& step : steps_) {
    h = step->bn ? nn::conv_bn_act(step->conv, *step->bn, h, {.activation = Activation::relu})
                 : nn::conv_act(step->conv, h, Activation::relu);
    if (step->pools) h = max_pool2d(h, 2);
  }
  return h;
}

VGGClassifier::VGGClassifier(const VGGOptions& options)
    : fc1(*this, "0",
          {.in_features = scaled(channels.back(), options.width) * map * map,
           .out_features = scaled(hidden, options.width)}),
      dropout1(*this, "2", {.p = options.dropout}),
      fc2(*this, "3",
          {.in_features = scaled(hidden, options.width), .out_features = scaled(hidden, options.width)}),
      dropout2(*this, "5", {.p = options.dropout}),
      fc3(*this, "6", {.in_features = scaled(hidden, options.width), .out_features = options.classes}) {}

Tensor VGGClassifier::forward(const Tensor& x) {
  const Tensor h = dropout1(nn::linear_act(fc1, x, Activation::relu));
  return fc3(dropout2(nn::linear_act(fc2, h, Activation::relu)));
}

VGG::VGG(const VGGLayout& layout, const VGGOptions& options)
    : layout_(layout),
      options_(options),
      features(*this, "features", layout, options),
      classifier(*this, "classifier", options) {
  initialise(*this);
  to(MemoryFormat::channels_last);
}

Tensor VGG::forward(const Tensor& x) { return classifier(adaptive_avg_pool2d(features(x), map).flatten(1)); }

std::unique_ptr<VGG> vgg11(const VGGOptions& options) {
  return std::make_unique<VGG>(VGGLayout{1, 1, 2, 2, 2}, options);
}
std::unique_ptr<VGG> vgg13(const VGGOptions& options) {
  return std::make_unique<VGG>(VGGLayout{2, 2, 2, 2, 2}, options);
}
std::unique_ptr<VGG> vgg16(const VGGOptions& options) {
  return std::make_unique<VGG>(VGGLayout{2, 2, 3, 3, 3}, options);
}
std::unique_ptr<VGG> vgg19(const VGGOptions& options) {
  return std::make_unique<VGG>(VGGLayout{2, 2, 4, 4, 4}, options);
}

}  // namespace fornax::models
