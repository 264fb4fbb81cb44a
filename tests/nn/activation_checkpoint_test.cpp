#include "fornax/nn/activation_checkpoint.h"

#include <gtest/gtest.h>

#include <memory>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/device/host_memory.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/nn/activation.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/fused.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/linear.h"
#include "fornax/ops/random.h"
#include "fornax/ops/reduce.h"
#include "support/error_of.h"

namespace fornax::nn {
namespace {

using Values = std::vector<float>;

/// Convolution, batch norm, dropout and a residual.
struct Block final : Layer {
  Child<Conv2d> conv{*this, "conv",
                     Conv2dOptions{.in_channels = 4, .out_channels = 4, .kernel_size = 3, .padding = 1}};
  Child<BatchNorm2d> bn{*this, "bn", BatchNormOptions{.num_features = 4}};
  Tensor forward(const Tensor& x) override {
    return conv_bn_act(conv, bn, dropout(x, 0.3, is_training()), {.activation = Activation::relu}) + x;
  }
};

struct Net final : Layer {
  Child<Block> block1{*this, "block1"}, block2{*this, "block2"}, block3{*this, "block3"};
  enum { plain, by_block, nested } mode = plain;

  Tensor forward(const Tensor& x) override {
    const auto run = [this](Block& block, const Tensor& h) {
      return mode == plain ? block(h) : checkpoint([&block](const Tensor& in) { return block(in); }, h);
    };
    const auto tail = [this, run](const Tensor& h) { return run(block3, run(block2, h)); };
    const Tensor h = run(block1, x);
    return mode == nested ? checkpoint(tail, h) : tail(h);
  }
};

/// Losses, gradients of parameters and input, running statistics and the next random number of two steps.
std::vector<Values> trained(decltype(Net::mode) mode, bool autocast, bool input_grad, bool training) {
  Generator generator(7);
  const GeneratorGuard guard(generator);
  Net net;
  net.mode = mode;
  net.train(training);
  Tensor x = randn({2, 4, 5, 5});
  if (input_grad) x.set_requires_grad();
  std::vector<Values> all;
  for (int step = 0; step < 2; ++step) {
    Tensor loss;
    {
      const amp::Autocast cast(DeviceType::cpu, bf16, autocast);
      loss = mean(square(net(x).to(f32)));
    }
    loss.backward();
    all.push_back(loss.to_vector<float>());
  }
  for (const auto& [name, parameter] : net.named_parameters())
    all.push_back(parameter.grad().to_vector<float>());
  if (input_grad) all.push_back(x.grad().to_vector<float>());
  for (const auto& [name, buffer] : net.named_buffers()) all.push_back(buffer.to(f32).to_vector<float>());
  all.push_back(rand({1}).to_vector<float>());
  return all;
}

TEST(Checkpoint, GivesTheBitsOfAPlainCall) {
  for (const bool autocast : {false, true})
    for (const bool input_grad : {false, true})
      for (const bool training : {true, false}) {
        const auto expected = trained(Net::plain, autocast, input_grad, training);
        EXPECT_EQ(trained(Net::by_block, autocast, input_grad, training), expected);
        EXPECT_EQ(trained(Net::nested, autocast, input_grad, training), expected);
      }
}

TEST(Checkpoint, KeepsTheInputsAloneUntilBackward) {
  constexpr std::size_t activation = 64 * 1024 * sizeof(float);
  constexpr int layers = 12;
  const auto peak = [](bool checkpointed) {
    Tensor x = full({64, 1024}, 0.5f).set_requires_grad();
    const std::size_t before = host_memory_stats().in_use;
    reset_peak_host_memory();
    const auto layer = [](const Tensor& in) { return tanh(sigmoid(tanh(sigmoid(in)))); };
    Tensor h = x;
    for (int i = 0; i < layers; ++i) h = checkpointed ? checkpoint(layer, h) : layer(h);
    sum(h).backward();
    return host_memory_stats().peak_in_use - before;
  };
  const std::size_t plain = peak(false), less = peak(true);
  EXPECT_GE(plain, 4 * layers * activation);    // what each op saves
  EXPECT_LE(less, (layers + 10) * activation);  // the inputs, and the one layer that is under way
}

TEST(Checkpoint, LeavesNoNodes) {
  const std::int64_t before = autograd::live_nodes();
  {
    Tensor x = ones({3}).set_requires_grad();
    const Tensor y = sum(checkpoint([](const Tensor& in) { return exp(in); }, x));
    EXPECT_EQ(autograd::live_nodes(), before + 3);  // leaf, checkpoint, sum
    y.backward();
  }
  EXPECT_EQ(autograd::live_nodes(), before);
}

TEST(Checkpoint, TakesSeveralInputsOfWhichSomeNeedNoGradient) {
  Tensor a = tensor<float>({1, 2}).set_requires_grad(), b = tensor<float>({3, 4});
  const Tensor y = checkpoint(
      [](std::span<const Tensor> in) {
        EXPECT_FALSE(in[2].defined());
        return in[0] * in[1] * in[0];
      },
      {a, b, Tensor()});
  sum(y).backward();
  EXPECT_EQ(a.grad().to_vector<float>(), (Values{6, 16}));
  EXPECT_FALSE(b.grad().defined());
}

TEST(Checkpoint, OfWhatNeedsNoGradientIsAPlainCall) {
  int calls = 0;
  const auto f = [&](const Tensor& in) {
    ++calls;
    return in + 1;
  };
  EXPECT_FALSE(checkpoint(f, ones({2})).requires_grad());
  Tensor x = ones({2}).set_requires_grad();
  {
    const NoGrad no_grad;
    EXPECT_FALSE(checkpoint(f, x).requires_grad());
  }
  EXPECT_EQ(calls, 2);
}

TEST(Checkpoint, GivesItsInputOrAParameterAsItIs) {
  Tensor x = ones({2}).set_requires_grad(), p = ones({2}).set_requires_grad();
  sum(checkpoint([](const Tensor& in) { return in; }, x)).backward();
  EXPECT_EQ(x.grad().to_vector<float>(), (Values{1, 1}));
  sum(checkpoint([&](const Tensor&) { return p; }, x) * 2).backward();
  EXPECT_EQ(p.grad().to_vector<float>(), (Values{2, 2}));
  EXPECT_EQ(x.grad().to_vector<float>(), (Values{1, 1}));
}

TEST(Checkpoint, IsComputedAgainForEachBackwardOfARetainedGraph) {
  Tensor x = tensor<float>({2}).set_requires_grad();
  int calls = 0;
  const Tensor y = checkpoint(
      [&](const Tensor& in) {
        EXPECT_EQ(is_recomputing(), calls++ > 0);
        return in * in;
      },
      x);
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(x.grad().item(), 8);
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE(is_recomputing());
}

TEST(Checkpoint, SaysThatAnInputWasWritten) {
  Tensor x = ones({2}).set_requires_grad();
  Tensor h = x * 2;
  const Tensor y = sum(checkpoint([](const Tensor& in) { return exp(in); }, h));
  {
    const NoGrad no_grad;
    h.add_(1);
  }
  EXPECT_EQ(test::error_of<AutogradError>([&] { y.backward(); }).substr(0, 12), "[checkpoint]");
}

TEST(Checkpoint, SaysThatTheFunctionChanged) {
  Tensor x = ones({2}).set_requires_grad();
  bool changed = false;
  const Tensor y = checkpoint([&](const Tensor& in) { return changed ? sum(in) : exp(in); }, x);
  changed = true;
  EXPECT_EQ(test::error_of<AutogradError>([&] { sum(y).backward(); }),
            "[checkpoint] expected the function to give f32[2] again, got f32[]@cpu");
}

}  // namespace
}  // namespace fornax::nn
