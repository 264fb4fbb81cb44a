#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/dispatch/op.h"
#include "fornax/nn/activation.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/fused.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"
#include "fornax/nn/pooling.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/random.h"
#include "fornax/ops/reduce.h"
#include "support/error_of.h"

namespace fornax::nn {
namespace {

using test::error_of;
using testing::Each;
using testing::ElementsAre;

/// All within the bound, reaching close to it, and spread evenly.
void expect_uniform(const Tensor& tensor, double bound) {
  double most = 0, square = 0;
  const std::vector<float> values = tensor.to_vector<float>();
  for (const double value : values) {
    most = std::max(most, std::abs(value));
    square += value * value;
  }
  EXPECT_LE(most, bound);
  EXPECT_GT(most, 0.99 * bound);
  EXPECT_NEAR(square / static_cast<double>(values.size()), bound * bound / 3, 0.02 * bound * bound);
}

TEST(Linear, IsXTimesWTransposedPlusB) {
  Linear layer({.in_features = 2, .out_features = 3});
  layer.load_state(
      {{"weight", tensor<float>({1, 2, 3, 4, 5, 6}, {3, 2})}, {"bias", tensor<float>({1, 0, -1})}});
  EXPECT_THAT(layer(tensor<float>({1, 10}, {1, 2})).to_vector<float>(), ElementsAre(22, 43, 64));
}

TEST(Linear, StartsAsPyTorchs) {
  const Linear layer({.in_features = 49, .out_features = 4000});
  expect_uniform(layer.weight, 1.0 / 7);
  expect_uniform(layer.bias, 1.0 / 7);
}

TEST(Linear, MayHaveNoBias) {
  Linear layer({.in_features = 2, .out_features = 3, .bias = false});
  EXPECT_EQ(layer.parameters().size(), 1u);
  EXPECT_EQ(layer(ones({4, 2})).shape(), Shape({4, 3}));
}

TEST(Linear, NeedsSizes) {
  EXPECT_EQ(error_of<ValueError>([] { Linear({.in_features = 3}); }),
            "[Linear] expected sizes of 1 or more, got 0 and 3");
}

TEST(Embedding, GivesRowsByNumber) {
  Embedding layer({.num_embeddings = 3, .embedding_dim = 2});
  layer.load_state({{"weight", tensor<float>({1, 2, 3, 4, 5, 6}, {3, 2})}});
  EXPECT_THAT(layer(tensor<std::int64_t>({2, 0})).to_vector<float>(), ElementsAre(5, 6, 1, 2));
}

TEST(Embedding, StartsStandardNormal) {
  const Embedding layer({.num_embeddings = 100, .embedding_dim = 100});
  double square = 0;
  for (const double value : layer.weight.to_vector<float>()) square += value * value;
  EXPECT_NEAR(square / 1e4, 1, 0.05);
}

TEST(Conv2d, ConvolvesAsItsOptionsSay) {
  Conv2d layer({.in_channels = 4,
                .out_channels = 6,
                .kernel_size = {3, 1},
                .stride = {2, 1},
                .padding = {1, 0},
                .groups = 2});
  EXPECT_EQ(layer.weight.shape(), Shape({6, 2, 3, 1}));
  EXPECT_EQ(layer(ones({2, 4, 8, 5})).shape(), Shape({2, 6, 4, 5}));
}

TEST(Conv2d, StartsAsPyTorchs) {
  const Conv2d layer({.in_channels = 8, .out_channels = 3000, .kernel_size = {3, 3}, .groups = 2});
  expect_uniform(layer.weight, 1.0 / 6);
  expect_uniform(layer.bias, 1.0 / 6);
}

TEST(Conv2d, SaysWhichOptionsMakeNoConvolution) {
  EXPECT_EQ(error_of<ValueError>([] { Conv2d({.in_channels = 3, .out_channels = 4, .groups = 2}); }),
            "[Conv2d] expected channels that groups divide and a kernel, all 1 or more, got in_channels=3 "
            "out_channels=4 groups=2 kernel_size=1x1");
}

TEST(BatchNorm2d, StartsAsTheIdentityAndTracksStatisticsWhileTraining) {
  BatchNorm2d layer({.num_features = 1, .momentum = 0.5});
  const Tensor x = tensor<float>({1, 3, 1, 3}, {2, 1, 1, 2});
  EXPECT_NEAR(layer(x).to_vector<float>()[1], 1, 1e-4);
  EXPECT_THAT(layer.running_mean.to_vector<float>(), ElementsAre(1));
  EXPECT_NEAR(layer.running_var.item(), 0.5 + 0.5 * 4 / 3, 1e-6) << "the unbiased variance";
  EXPECT_EQ(layer.num_batches_tracked.item<std::int64_t>(), 1);
  layer.eval();
  layer(x);
  EXPECT_THAT(layer.running_mean.to_vector<float>(), ElementsAre(1));
  EXPECT_EQ(layer.num_batches_tracked.item<std::int64_t>(), 1);
}

TEST(BatchNorm2d, NormalisesByRunningStatisticsInEvalMode) {
  BatchNorm2d layer({.num_features = 1, .eps = 0});
  layer.running_mean.fill_(2);
  layer.running_var.fill_(4);
  layer.eval();
  EXPECT_THAT(layer(full({1, 1, 1, 1}, 6)).to_vector<float>(), ElementsAre(2));
}

TEST(BatchNorm2d, StaysInF32WhereOthersAreCastTo16Bit) {
  BatchNorm2d layer({.num_features = 2});
  layer.to(bf16);
  EXPECT_EQ(layer.weight.dtype(), f32);
  EXPECT_EQ(layer(ones({1, 2, 2, 2}, {.dtype = bf16})).dtype(), bf16);
  layer.to(f64);
  EXPECT_EQ(layer.running_var.dtype(), f64);
}

TEST(BatchNorm2d, WithoutRunningStatisticsUsesThoseOfEachBatch) {
  BatchNorm2d layer({.num_features = 1, .eps = 0, .track_running_stats = false});
  EXPECT_EQ(layer.state().size(), 2u) << "weight and bias";
  EXPECT_EQ(clone(layer)->state().size(), 2u);
  const Tensor x = tensor<float>({1, 3}, {2, 1, 1, 1});
  for (const bool training : {true, false}) {
    layer.train(training);
    EXPECT_THAT(layer(x).to_vector<float>(), ElementsAre(-1, 1));
  }
  EXPECT_THAT(error_of<ValueError>([] { BatchNorm2d({.affine = false, .track_running_stats = false}); }),
              testing::EndsWith("expected num_features of 1 or more, got 0"));
}

TEST(BatchNorm2d, CountsOnlyBatchesThatItNormalised) {
  BatchNorm2d layer({.num_features = 1});
  EXPECT_THROW(layer(ones({2, 1, 2, 2}, {.dtype = DType::i64})), DTypeError);
  EXPECT_EQ(layer.num_batches_tracked.item(), 0);
}

TEST(BatchNorm, KnowsItsRankAndChannels) {
  BatchNorm2d two({.num_features = 2});
  BatchNorm1d one({.num_features = 2});
  EXPECT_EQ(error_of<ShapeError>([&] {
              two(ones({3, 2}));
            }),
            "[BatchNorm2d] expected 2 channels and rank 4, got x=f32[3,2]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] {
              one(ones({3, 4}));
            }),
            "[BatchNorm1d] expected 2 channels and rank 2 or 3, got x=f32[3,4]@cpu");
  EXPECT_EQ(one(ones({3, 2, 5})).shape(), Shape({3, 2, 5}));
  EXPECT_EQ(error_of<ValueError>([] { BatchNorm2d({}); }),
            "[batch_norm] expected num_features of 1 or more, got 0");
}

TEST(LayerNorm, NormalisesOverTheLastAxesAndHasTheirParameters) {
  LayerNorm layer({.normalized_shape = {2, 2}, .eps = 0});
  layer.load_state({{"weight", full({2, 2}, 3)}, {"bias", ones({2, 2})}});
  EXPECT_THAT(layer(tensor<float>({1, 3, 1, 3, 10, 20, 20, 10}, {2, 2, 2})).to_vector<float>(),
              ElementsAre(-2, 4, -2, 4, -2, 4, 4, -2));
  EXPECT_EQ(LayerNorm({.normalized_shape = {4}, .bias = false}).parameters().size(), 1u);
  EXPECT_TRUE(LayerNorm({.normalized_shape = {4}, .elementwise_affine = false}).parameters().empty());
}

TEST(LayerNorm, StaysInF32WhereOthersAreCastTo16Bit) {
  LayerNorm layer({.normalized_shape = {2}});
  layer.to(f16);
  EXPECT_EQ(layer.weight.dtype(), f32);
  EXPECT_EQ(layer(ones({3, 2}, {.dtype = f16})).dtype(), f16);
}

TEST(LayerNorm, NeedsSizes) {
  EXPECT_EQ(error_of<ValueError>([] { LayerNorm({}); }),
            "[LayerNorm] expected a normalized_shape of sizes of 1 or more, got []");
}

struct ConvBn : Layer {
  Child<Conv2d> conv;
  Child<BatchNorm2d> bn;
  ConvBn()
      : conv(*this, "conv", {.in_channels = 2, .out_channels = 3, .kernel_size = 3, .bias = false}),
        bn(*this, "bn", {.num_features = 3}) {}
  Tensor forward(const Tensor& x) override { return conv_bn_act(conv, bn, x, options); }
  ConvBnActOptions options;
};

TEST(ConvBnAct, IsTheSameAsItsLayersWhetherTheyHaveHooksOrNot) {
  for (const bool training : {true, false}) {
    ConvBn fused, apart;
    apart.load_state(fused.state());
    fused.train(training);
    apart.train(training);
    const Tensor x = randn({2, 2, 6, 5});
    const Tensor residual = randn({2, 3, 4, 3});
    fused.options = apart.options = {.activation = Activation::relu, .residual = residual};
    int seen = 0;
    apart.bn->register_forward_hook([&](Layer&, const Tensor&, const Tensor&) {
      ++seen;
      return Tensor();
    });
    const std::vector<float> one = fused(x).to_vector<float>(), other = apart(x).to_vector<float>();
    EXPECT_THAT(one, testing::Pointwise(testing::FloatNear(1e-5f), other));
    EXPECT_EQ(seen, 1);
    EXPECT_THAT(fused.bn->running_var.to_vector<float>(),
                testing::Pointwise(testing::FloatNear(1e-6f), apart.bn->running_var.to_vector<float>()));
    EXPECT_EQ(fused.bn->num_batches_tracked.item(), training ? 1 : 0);
  }
}

TEST(ConvBnAct, WithoutGradientsFoldsTheNormalisationWhereImagesAreLargerThanTheWeight) {
  const NoGrad no_grad;
  for (const std::int64_t size : {12, 3}) {
    ConvBn fused, apart;
    fused.bn->running_mean.copy_(rand({3}));
    fused.bn->running_var.copy_(rand({3}) + 0.5);
    apart.load_state(fused.state());
    fused.eval();
    apart.eval();
    apart.bn->register_forward_hook([](Layer&, const Tensor&, const Tensor&) { return Tensor(); });
    const Tensor x = randn({1, 2, size, size});
    fused.options =
        apart.options = {.activation = Activation::relu, .residual = randn({1, 3, size - 2, size - 2})};
    struct Count {
      int convolutions = 0, passes_over_images = 0;
    } count;
    dispatch::set_decision_log(
        [](void* context, const dispatch::Decision& decision) {
          Count& of = *static_cast<Count*>(context);
          of.convolutions += !decision.refusal && decision.op == "conv2d";
          of.passes_over_images += of.convolutions > 0 && decision.op == "batch_norm_apply";
        },
        &count);
    const Tensor y = fused(x);
    dispatch::set_decision_log(nullptr, nullptr);
    EXPECT_EQ(count.convolutions, 1);
    EXPECT_EQ(count.passes_over_images, size == 12 ? 0 : 1);
    EXPECT_THAT(y.to_vector<float>(),
                testing::Pointwise(testing::FloatNear(1e-5f), apart(x).to_vector<float>()));
  }
}

TEST(ConvBnAct, ReportsAStrideOfZeroAndAnActivationThatItLacks) {
  const NoGrad no_grad;
  Conv2d conv({.in_channels = 2, .out_channels = 3, .stride = 0, .bias = false});
  BatchNorm2d bn({.num_features = 3});
  const Tensor x = ones({1, 2, 4, 4});
  for (const bool training : {false, true}) {
    bn.train(training);
    EXPECT_THROW(conv_bn_act(conv, bn, x), ValueError);
    EXPECT_THROW(conv_bn_act(conv, bn, x, {.activation = Activation::gelu_tanh}), ValueError);
  }
}

TEST(ConvBnAct, RefusesAResidualOfAnotherShapeWhetherLayersHaveHooksOrNot) {
  for (const bool hooked : {false, true}) {
    ConvBn layer;
    if (hooked)
      layer.bn->register_forward_hook([](Layer&, const Tensor&, const Tensor&) { return Tensor(); });
    layer.options.residual = ones({1, 3, 1, 1});  // it would broadcast
    EXPECT_THROW(layer(ones({2, 2, 6, 5})), ShapeError);
    EXPECT_EQ(layer.bn->num_batches_tracked.item(), hooked ? 1 : 0);
  }
}

TEST(Pooling, LayersPoolAsTheirOptionsSay) {
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 1, 3, 3});
  EXPECT_THAT(MaxPool2d({.kernel_size = 2})(x).to_vector<float>(), ElementsAre(5));
  EXPECT_THAT(MaxPool2d({.kernel_size = 2, .stride = 1})(x).to_vector<float>(), ElementsAre(5, 6, 8, 9));
  EXPECT_THAT(MaxPool2d({.kernel_size = 2, .ceil_mode = true})(x).to_vector<float>(),
              ElementsAre(5, 6, 8, 9));
  EXPECT_THAT(AvgPool2d({.kernel_size = {3, 1}})(x).to_vector<float>(), ElementsAre(4, 5, 6));
  EXPECT_THAT(AvgPool2d({.kernel_size = 2, .stride = 3, .padding = 1})(x).to_vector<float>(),
              ElementsAre(0.25, 0.75, 1.75, 2.25));
  EXPECT_THAT(AvgPool2d({.kernel_size = 2, .stride = 3, .padding = 1, .count_include_pad = false})(x)
                  .to_vector<float>(),
              ElementsAre(1, 3, 7, 9));
  EXPECT_THAT(AdaptiveAvgPool2d()(x).to_vector<float>(), ElementsAre(5));
  EXPECT_THAT(AdaptiveMaxPool2d({.output_size = {1, 3}})(x).to_vector<float>(), ElementsAre(7, 8, 9));
}

TEST(ConvActAndLinearAct, AreTheLayerAndItsActivation) {
  Conv2d conv({.in_channels = 2, .out_channels = 3, .kernel_size = 3});
  Linear linear({.in_features = 4, .out_features = 5});
  const Tensor image = randn({2, 2, 6, 6}), x = randn({3, 4});
  int calls = 0;
  const auto compare = [&] {
    const std::pair<Tensor, Tensor> pairs[] = {
        {conv_act(conv, image, Activation::relu), relu(conv.forward(image))},
        {conv_act(conv, image, Activation::none), conv.forward(image)},
        {linear_act(linear, x, Activation::relu), relu(linear.forward(x))},
        {linear_act(linear, x, Activation::none), linear.forward(x)},
        {linear_act(linear, x, Activation::gelu_tanh), gelu(linear.forward(x), Gelu::tanh)},
    };
    for (const auto& [got, want] : pairs) EXPECT_LT(amax(abs(got - want)).item(), 1e-6);
  };
  compare();
  for (Layer* layer : std::initializer_list<Layer*>{&conv, &linear})
    layer->register_forward_hook([&](Layer&, const Tensor&, const Tensor&) {
      ++calls;
      return Tensor();
    });
  compare();
  EXPECT_EQ(calls, 5) << "a layer with hooks runs by itself";
  EXPECT_THROW(conv_act(conv, image, Activation::gelu_tanh), ValueError);
}

TEST(Activations, AreTheOpsOfTheirNames) {
  const Tensor x = tensor<float>({-2, -0.5, 0, 3});
  EXPECT_EQ(ReLU()(x).to_vector<float>(), relu(x).to_vector<float>());
  EXPECT_EQ(ReLU6()(x * 10).to_vector<float>(), clamp(x * 10, 0, 6).to_vector<float>());
  EXPECT_EQ(SiLU()(x).to_vector<float>(), silu(x).to_vector<float>());
  EXPECT_EQ(Sigmoid()(x).to_vector<float>(), sigmoid(x).to_vector<float>());
  EXPECT_EQ(Tanh()(x).to_vector<float>(), tanh(x).to_vector<float>());
  EXPECT_EQ(GELU()(x).to_vector<float>(), gelu(x).to_vector<float>());
  EXPECT_EQ(GELU({.approximate = Gelu::tanh})(x).to_vector<float>(), gelu(x, Gelu::tanh).to_vector<float>());
}

TEST(Softmax, IsOverTheLastAxisUnlessToldOtherwise) {
  EXPECT_THAT(Softmax()(ones({2, 4})).to_vector<float>(), Each(0.25f));
  EXPECT_THAT(Softmax({.dim = 0})(ones({2, 4})).to_vector<float>(), Each(0.5f));
  EXPECT_THAT(LogSoftmax()(ones({2, 4})).to_vector<float>(), Each(testing::FloatEq(std::log(0.25f))));
  EXPECT_THAT(LogSoftmax({.dim = 0})(ones({2, 4})).to_vector<float>(),
              Each(testing::FloatEq(std::log(0.5f))));
}

TEST(Dropout, ZeroesAndScalesOnlyWhileTraining) {
  Dropout layer({.p = 0.75});
  const std::vector<float> y = layer(ones({4000})).to_vector<float>();
  EXPECT_THAT(y, Each(testing::AnyOf(0.f, 4.f)));
  EXPECT_NEAR(static_cast<double>(std::ranges::count(y, 4.f)), 1000, 100);
  layer.eval();
  EXPECT_THAT(layer(ones({10})).to_vector<float>(), Each(1));
}

TEST(Flatten, MergesTheAxesAfterTheBatchsUnlessToldOtherwise) {
  EXPECT_EQ(Flatten()(ones({2, 3, 4})).shape(), Shape({2, 12}));
  EXPECT_EQ(Flatten({.start_dim = 0, .end_dim = 1})(ones({2, 3, 4})).shape(), Shape({6, 4}));
}

TEST(Identity, GivesItsInput) {
  const Tensor x = ones({2});
  EXPECT_TRUE(Identity()(x).is(x));
}

}  // namespace
}  // namespace fornax::nn
