#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fornax/cuda/stream.h"
#include "fornax/nn/fused.h"
#include "fornax/nn/linear.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/pool.h"
#include "fornax/ops/random.h"
#include "fornax/ops/transfer.h"
#include "fornax/optim/adamw.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/optim/sgd.h"

/// A training step that is small and makes every kind of call.
namespace fornax::test {

inline constexpr std::int64_t channels = 8, classes = 4;

inline nn::Conv2dOptions conv(std::int64_t in) {
  return {.in_channels = in, .out_channels = channels, .kernel_size = 3, .padding = 1, .bias = false};
}

struct Block final : nn::Layer {
  nn::Child<nn::Conv2d> conv1{*this, "conv1", conv(channels)};
  nn::Child<nn::BatchNorm2d> bn1{*this, "bn1", nn::BatchNormOptions{.num_features = channels}};
  nn::Child<nn::Conv2d> conv2{*this, "conv2", conv(channels)};
  nn::Child<nn::BatchNorm2d> bn2{*this, "bn2", nn::BatchNormOptions{.num_features = channels}};

  Tensor forward(const Tensor& x) override {
    const Tensor h = nn::conv_bn_act(conv1, bn1, x, {.activation = Activation::relu});
    return nn::conv_bn_act(conv2, bn2, h, {.activation = Activation::relu, .residual = x});
  }
};

/// Two residual blocks between a convolution and a classifier.
struct Net final : nn::Layer {
  nn::Child<nn::Conv2d> stem{*this, "stem", conv(3)};
  nn::Child<Block> block1{*this, "block1"}, block2{*this, "block2"};
  nn::Child<nn::Linear> fc{*this, "fc", nn::LinearOptions{.in_features = channels, .out_features = classes}};

  Tensor forward(const Tensor& x) override {
    return fc(global_avg_pool2d(block2(block1(stem(x)))).flatten(1));
  }
};

enum class Rule { sgd, adamw };

/// Of the images.
struct Sizes {
  std::int64_t batch = 2, height = 8, width = 8;
};

using Values = std::vector<std::vector<float>>;

/// A net that is trained with the same images in each step. They are copied on a stream of their own, from
/// page-locked memory; the loss comes back by a HostCopy.
class Trainer {
 public:
  explicit Trainer(Device device, Rule rule = Rule::sgd, const Sizes& sizes = {})
      : device_(device), copies_(cuda::stream_from_pool(device)) {
    Generator generator(1);
    const GeneratorGuard guard(generator);
    net_ = std::make_unique<Net>();
    x_ = randn({sizes.batch, 3, sizes.height, sizes.width}).to(MemoryFormat::channels_last);
    label_ = randint(0, classes, {sizes.batch}, {.dtype = i64});
    net_->to(device, MemoryFormat::channels_last);
    if (rule == Rule::sgd)
      optimizer_ = std::make_unique<optim::SGD>(net_->named_parameters(),
                                                optim::SGDOptions{.lr = 0.1, .momentum = 0.9});
    else
      optimizer_ = std::make_unique<optim::AdamW>(
          optim::no_decay_groups(net_->named_parameters(), optim::AdamWOptions{.lr = 0.01}));
  }

  void step() {
    Tensor x, label;
    {
      const StreamGuard guard(copies_);
      x = pin_memory(x_).to(device_);
      label = pin_memory(label_).to(device_);
    }
    const Tensor loss = cross_entropy((*net_)(x), label);
    optimizer_->zero_grad();
    loss.backward();
    optim::clip_grad_norm_(optimizer_->parameters(), 1);
    loss_ = HostCopy(loss);
    optimizer_->step();
  }
  Values parameters() const {
    Values values;
    for (const Tensor& tensor : optimizer_->parameters())
      values.push_back(tensor.detach().to(Device::cpu()).to_vector<float>());
    return values;
  }
  double loss() const { return loss_.get().item(); }

 private:
  Device device_;
  Stream copies_;
  std::unique_ptr<Net> net_;
  Tensor x_, label_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  HostCopy loss_;
};

}  // namespace fornax::test
