// Layers of your own, both ways: composed of the library's ops, with no backward to write, and around an op
// whose backward is written by hand. A small net of both learns to tell synthetic images apart.
#include <cstdio>

#include "fornax/fornax.h"

namespace fx = fornax;
namespace nn = fornax::nn;

// --- 1. Composed. Weighs each channel by what the whole image holds (Hu et al., "Squeeze-and-Excitation",
// 2018).
struct SqueezeExcite : nn::Layer {
  nn::Child<nn::Conv2d> squeeze, excite;  // named, built and registered in one place

  SqueezeExcite(std::int64_t channels, std::int64_t ratio)
      : squeeze(*this, "squeeze", {.in_channels = channels, .out_channels = channels / ratio}),
        excite(*this, "excite", {.in_channels = channels / ratio, .out_channels = channels}) {}

  fx::Tensor forward(const fx::Tensor& x) override {
    return x * fx::sigmoid(excite(fx::relu(squeeze(fx::global_avg_pool2d(x)))));
  }
};

// --- 2. With its own backward: y = x * sigmoid(beta * x). Composed, it would keep three tensors for
// backward; this keeps x.
struct SwishGrad final : fx::autograd::Node {
  fx::autograd::Saved x;
  double beta = 1;

  std::string_view name() const override { return "swish"; }
  fx::Grads backward(const fx::Tensor& dy) override {
    const fx::Tensor bx = x.get(*this) * beta, s = fx::sigmoid(bx);
    return {dy * (s + bx * s * (1 - s))};
  }
};

fx::Tensor swish(const fx::Tensor& x, double beta) {
  fx::Tensor y;
  {
    const fx::NoGrad no_grad;  // the ops inside are not recorded: the node below stands for all of them
    y = x * fx::sigmoid(x * beta);
  }
  fx::autograd::record<SwishGrad>(y, {x}, [&](SwishGrad& node) {
    node.x.save(x);
    node.beta = beta;
  });
  return y;
}

struct SwishOptions {
  double beta = 1;
};
struct Swish : nn::LayerWith<Swish, SwishOptions> {
  explicit Swish(const SwishOptions& options = {}) : LayerWith(options) {}
  fx::Tensor forward(const fx::Tensor& x) override { return swish(x, options().beta); }
};

int main() try {
  // A backward that was written by hand is checked against finite differences.
  fx::Tensor x = fx::randn({2, 3}, {.dtype = fx::f64}).set_requires_grad();
  const auto check = fx::autograd::gradcheck([](auto inputs) { return swish(inputs[0], 1.5); }, {x});
  std::printf("gradcheck of swish: %s\n", check.passed ? "passed" : check.message.c_str());

  nn::Sequential net(nn::make<nn::Conv2d>(
                         {.in_channels = 3, .out_channels = 16, .kernel_size = 3, .stride = 2, .padding = 1}),
                     nn::make<nn::BatchNorm2d>({.num_features = 16}), nn::make<Swish>({.beta = 1.5}),
                     nn::make<SqueezeExcite>(16, 4), nn::make<nn::AdaptiveAvgPool2d>({.output_size = 1}),
                     nn::make<nn::Flatten>(), nn::make<nn::Linear>({.in_features = 16, .out_features = 10}));
  const fx::Device device = fx::best_device();
  net.to(device, fx::MemoryFormat::channels_last);
  std::printf("%s", nn::to_string(nn::summary(net, fx::zeros({1, 3, 32, 32}, {.device = device}))).c_str());

  const auto images = std::make_shared<fx::data::ImageDataset>(
      fx::data::synthetic_images({.count = 512}), fx::data::ImageOptions{.mean = {0.5f}, .stddev = {0.25f}});
  fx::data::DataLoader loader(images, {.batch_size = 32, .shuffle = true});
  fx::optim::AdamW optimizer(net.named_parameters(), {.lr = 1e-2});
  for (int epoch = 0; epoch < 5; ++epoch) {
    fx::Tensor loss;
    for (const auto& [image, label] : fx::data::Prefetcher(loader, device)) {
      loss = fx::cross_entropy(net(image), label);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
    }
    std::printf("epoch %d: loss %.4f\n", epoch + 1, loss.item());
  }
  return check.passed ? 0 : 1;
} catch (const fx::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
