#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/models/lenet.h"
#include "fornax/models/mlp.h"
#include "fornax/models/mobilenet.h"
#include "fornax/models/resnet.h"
#include "fornax/models/vgg.h"
#include "fornax/nn/summary.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::models {
namespace {

using test::error_of;
using testing::ElementsAre;
using testing::ElementsAreArray;

std::vector<std::string> names(const State& state) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : state) all.push_back(name);
  return all;
}
std::int64_t parameter_count(const nn::Module& model) {
  std::int64_t count = 0;
  for (const Tensor& parameter : model.parameters()) count += parameter.numel();
  return count;
}

/// ResNet-50 as it is, built once: its 25 million numbers take their time.
ResNet& whole_resnet50() {
  static const std::unique_ptr<ResNet> model = resnet50();
  return *model;
}

TEST(ResNet, HasAsManyParametersAsTorchvisions) {
  EXPECT_EQ(parameter_count(*resnet18()), 11'689'512);
  EXPECT_EQ(parameter_count(whole_resnet50()), 25'557'032);
}

TEST(ResNet, HasAsManyTensorsAsTorchvisions) {
  const ResNetOptions narrow{.width = 0.125};
  EXPECT_EQ(resnet18(narrow)->state().size(), 122u);
  EXPECT_EQ(resnet34(narrow)->state().size(), 218u);
  EXPECT_EQ(resnet50(narrow)->state().size(), 320u);
  EXPECT_EQ(resnet101(narrow)->state().size(), 626u);
  EXPECT_EQ(resnet152(narrow)->state().size(), 932u);
}

TEST(ResNet, HasTorchvisionsNamesInItsOrder) {
  const auto model = resnet18({.width = 0.125});
  const std::vector<std::string> all = names(model->state());
  EXPECT_THAT(std::vector(all.begin(), all.begin() + 9),
              ElementsAre("conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
                          "bn1.num_batches_tracked", "layer1.0.conv1.weight", "layer1.0.bn1.weight",
                          "layer1.0.bn1.bias"));
  EXPECT_TRUE(model->state().contains("layer2.0.downsample.0.weight"));
  EXPECT_TRUE(model->state().contains("layer2.0.downsample.1.running_var"));
  EXPECT_FALSE(model->state().contains("layer1.0.downsample.0.weight"));
  EXPECT_THAT(std::vector(all.end() - 2, all.end()), ElementsAre("fc.weight", "fc.bias"));
}

TEST(ResNet, MakesLogitsOfImagesOfAnySize) {
  const auto model = resnet50({.classes = 7, .in_channels = 2, .width = 0.125});
  const NoGrad no_grad;
  EXPECT_EQ((*model)(ones({2, 2, 32, 40})).shape(), Shape({2, 7}));
  EXPECT_EQ(model->conv1->weight.shape(), Shape({8, 2, 7, 7}));
}

TEST(ResNet, OfEachDepthMakesLogits) {
  const NoGrad no_grad;
  for (const auto make : {resnet34, resnet101, resnet152}) {
    const auto model = make({.classes = 3, .width = 0.125});
    model->eval();
    const std::vector<float> logits = (*model)(ones({2, 3, 32, 32})).to_vector<float>();
    EXPECT_THAT(logits, testing::SizeIs(6));
    for (const float logit : logits) EXPECT_TRUE(std::isfinite(logit));
  }
}

TEST(ResNet, StridesInThe3x3ConvolutionUnlessToldOtherwise) {
  const auto stride_of = [](ResNet& model, const std::string& name) {
    for (const auto& [at, module] : model.named_modules())
      if (at == name) return dynamic_cast<nn::Conv2d&>(*module).options().stride.h;
    return std::int64_t{0};
  };
  const auto v15 = resnet50({.width = 0.125}), v1 = resnet50({.width = 0.125, .stride_in_1x1 = true});
  EXPECT_EQ(stride_of(*v15, "layer2.0.conv1"), 1);
  EXPECT_EQ(stride_of(*v15, "layer2.0.conv2"), 2);
  EXPECT_EQ(stride_of(*v1, "layer2.0.conv1"), 2);
  EXPECT_EQ(stride_of(*v1, "layer2.0.conv2"), 1);
}

TEST(ResNet, HasBiasesAndEpsilonsForWeightsThatWantThem) {
  const auto model = resnet50({.width = 0.125, .conv_bias = true, .bn_eps = 1.001e-5});
  EXPECT_TRUE(model->state().contains("layer3.1.conv3.bias"));
  EXPECT_TRUE(model->state().contains("layer2.0.downsample.0.bias"));
  EXPECT_EQ(model->bn1->options().eps, 1.001e-5);
}

TEST(ResNet, CanStartEachBlockAsTheIdentity) {
  const auto basic = resnet18({.width = 0.125, .zero_init_residual = true});
  const auto deep = resnet50({.width = 0.125, .zero_init_residual = true});
  EXPECT_THAT(basic->state().at("layer1.1.bn2.weight").to_vector<float>(), testing::Each(0));
  EXPECT_THAT(deep->state().at("layer1.1.bn3.weight").to_vector<float>(), testing::Each(0));
  EXPECT_THAT(deep->state().at("layer1.1.bn2.weight").to_vector<float>(), testing::Each(1));
}

TEST(ResNet, InitialisesConvolutionsAsTorchvision) {
  const std::vector<float> weights = whole_resnet50().state().at("layer4.0.conv2.weight").to_vector<float>();
  double square = 0;
  for (const float w : weights) square += static_cast<double>(w) * w;
  const double expected = 2.0 / (512 * 3 * 3);  // kaiming, fan out
  EXPECT_NEAR(square / static_cast<double>(weights.size()), expected, 0.01 * expected);
}

TEST(ResNet, WorksInChannelsLast) {
  const auto model = resnet18({.width = 0.125});
  EXPECT_TRUE(model->conv1->weight.is_contiguous(MemoryFormat::channels_last));
  bool all = true;
  model->layer2->register_forward_hook([&](nn::Layer&, const Tensor& x, const Tensor& y) {
    all = x.is_contiguous(MemoryFormat::channels_last) && y.is_contiguous(MemoryFormat::channels_last);
    return Tensor();
  });
  const NoGrad no_grad;
  (*model)(ones({2, 3, 64, 64}));
  EXPECT_TRUE(all);
}

TEST(ResNet, IsClonedWholly) {
  const auto model = resnet18({.classes = 4, .width = 0.125});
  model->eval();
  const auto copy = nn::clone(*model);
  const NoGrad no_grad;
  const Tensor x = ones({1, 3, 32, 32});
  EXPECT_THAT((*copy)(x).to_vector<float>(), ElementsAreArray((*model)(x).to_vector<float>()));
}

TEST(ResNet, NeedsAWidth) {
  for (const double width : {0., -1., std::nan(""), 65.})
    EXPECT_THAT(error_of<ValueError>([&] { resnet18({.width = width}); }),
                testing::StartsWith("[ResNet] expected a width above 0 and up to 64, got "));
}

TEST(ResNet, NeedsAClass) {
  EXPECT_EQ(error_of<ValueError>([] { resnet18({.classes = 0, .width = 0.125}); }),
            "[Linear] expected sizes of 1 or more, got 0 and 64");
}

TEST(VGG, HasAsManyParametersAsTorchvisions) {
  EXPECT_EQ(parameter_count(*vgg11()), 132'863'336);
  // Without the linear layers, which are the same: 14.7 of 138 million.
  EXPECT_EQ(
      parameter_count(*vgg16({.width = 0.125})->features),
      parameter_count(*vgg13({.width = 0.125})->features) + (32 * 32 * 9 + 32) + 2 * (64 * 64 * 9 + 64));
}

TEST(VGG, HasTorchvisionsNamesInItsOrder) {
  const auto plain = vgg16({.width = 0.125}), normed = vgg16({.width = 0.125, .batch_norm = true});
  const std::vector<std::string> all = names(plain->state());
  EXPECT_THAT(all, testing::SizeIs(32));
  EXPECT_THAT(std::vector(all.begin(), all.begin() + 6),
              ElementsAre("features.0.weight", "features.0.bias", "features.2.weight", "features.2.bias",
                          "features.5.weight", "features.5.bias"));
  EXPECT_THAT(
      std::vector(all.end() - 8, all.end()),
      ElementsAre("features.28.weight", "features.28.bias", "classifier.0.weight", "classifier.0.bias",
                  "classifier.3.weight", "classifier.3.bias", "classifier.6.weight", "classifier.6.bias"));
  EXPECT_TRUE(normed->state().contains("features.40.weight"));
  EXPECT_TRUE(normed->state().contains("features.41.running_var"));
  EXPECT_EQ(vgg19({.width = 0.125})->state().size(), 38u);
}

TEST(VGG, TakesImagesOf32AndMoreAndIsClonedWholly) {
  const auto model = vgg11({.classes = 3, .in_channels = 2, .width = 0.125, .batch_norm = true});
  model->eval();
  const auto copy = nn::clone(*model);
  const NoGrad no_grad;
  for (const std::int64_t size : {32, 70}) {
    const Tensor x = ones({2, 2, size, size});
    EXPECT_EQ((*model)(x).shape(), Shape({2, 3}));
    EXPECT_THAT((*copy)(x).to_vector<float>(), ElementsAreArray((*model)(x).to_vector<float>()));
  }
}

TEST(VGG, DropsFeaturesInTrainingOnly) {
  const auto model = vgg11({.classes = 3, .width = 0.125});
  const NoGrad no_grad;
  const Tensor x = ones({1, 3, 32, 32});
  EXPECT_NE((*model)(x).to_vector<float>(), (*model)(x).to_vector<float>());
  model->eval();
  EXPECT_EQ((*model)(x).to_vector<float>(), (*model)(x).to_vector<float>());
}

TEST(VGG, NeedsAWidth) {
  EXPECT_EQ(error_of<ValueError>([] { vgg11({.width = 0}); }),
            "[VGG] expected a width above 0 and up to 64, got 0");
}

TEST(MobileNetV2, HasAsManyParametersAsTorchvisions) {
  EXPECT_EQ(parameter_count(*mobilenet_v2()), 3'504'872);
}

TEST(MobileNetV2, RoundsChannelsWithoutTakingAwayMoreThanATenth) {
  const State state = mobilenet_v2({.width = 0.35})->state();
  EXPECT_EQ(state.at("features.0.0.weight").size(0), 16) << "11.2, of which 8 would be too few";
  EXPECT_EQ(state.at("features.2.conv.2.weight").size(0), 8) << "8.4";
  EXPECT_EQ(state.at("classifier.1.weight").size(1), 1280) << "these grow only";
}

TEST(MobileNetV2, HasTorchvisionsNamesInItsOrder) {
  const auto model = mobilenet_v2({.width = 0.25});
  const std::vector<std::string> all = names(model->state());
  EXPECT_THAT(all, testing::SizeIs(314));
  std::vector<std::string> weights;
  for (const std::string& name : all)
    if (name.ends_with(".weight") && (name.starts_with("features.1.") || name.starts_with("features.2.")))
      weights.push_back(name);
  EXPECT_THAT(weights, ElementsAre("features.1.conv.0.0.weight", "features.1.conv.0.1.weight",
                                   "features.1.conv.1.weight", "features.1.conv.2.weight",
                                   "features.2.conv.0.0.weight", "features.2.conv.0.1.weight",
                                   "features.2.conv.1.0.weight", "features.2.conv.1.1.weight",
                                   "features.2.conv.2.weight", "features.2.conv.3.weight"));
  EXPECT_EQ(all.front(), "features.0.0.weight");
  EXPECT_THAT(std::vector(all.end() - 2, all.end()), ElementsAre("classifier.1.weight", "classifier.1.bias"));
}

TEST(MobileNetV2, MakesLogitsAndIsClonedWholly) {
  const auto model = mobilenet_v2({.classes = 3, .in_channels = 1, .width = 0.25});
  model->eval();
  const auto copy = nn::clone(*model);
  const NoGrad no_grad;
  const Tensor x = ones({2, 1, 40, 32});
  EXPECT_EQ((*model)(x).shape(), Shape({2, 3}));
  EXPECT_THAT((*copy)(x).to_vector<float>(), ElementsAreArray((*model)(x).to_vector<float>()));
}

TEST(MobileNetV2, HooksOfABranchSeeWhatItMakes) {
  const auto model = mobilenet_v2({.classes = 3, .width = 0.25});
  model->eval();
  const NoGrad no_grad;
  const Tensor x = ones({1, 3, 32, 32});
  const std::vector<float> before = (*model)(x).to_vector<float>();
  int calls = 0;
  for (const auto& [name, module] : model->named_modules()) {
    auto* layer = dynamic_cast<nn::Layer*>(module);
    if (!layer || !name.ends_with(".conv")) continue;
    layer->register_forward_hook([&](nn::Layer&, const Tensor&, const Tensor&) {
      ++calls;
      return Tensor();
    });
  }
  const std::vector<float> after = (*model)(x).to_vector<float>();
  EXPECT_EQ(calls, 17);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(after[i], before[i], 1e-5);
}

TEST(MobileNetV2, NeedsAWidth) {
  EXPECT_EQ(error_of<ValueError>([] { mobilenet_v2({.width = 65}); }),
            "[MobileNetV2] expected a width above 0 and up to 64, got 65");
}

TEST(MLP, IsLinearLayersWithReLUBetween) {
  const auto model = mlp({.in_features = 12, .hidden = {5, 4}, .classes = 3});
  EXPECT_THAT(names(model->state()), ElementsAre("layers.0.weight", "layers.0.bias", "layers.2.weight",
                                                 "layers.2.bias", "layers.4.weight", "layers.4.bias"));
  EXPECT_EQ((*model)(ones({2, 3, 2, 2})).shape(), Shape({2, 3}));
}

TEST(LeNet, HasTheParametersOfThePaper) {
  const auto model = lenet();
  EXPECT_EQ(parameter_count(*model), 61'706);
  EXPECT_EQ((*model)(ones({2, 1, 28, 28})).shape(), Shape({2, 10}));
  EXPECT_EQ((*lenet({.in_channels = 3, .size = 32}))(ones({1, 3, 32, 32})).shape(), Shape({1, 10}));
  EXPECT_EQ(error_of<ValueError>([] { lenet({.size = 8}); }), "[LeNet] expected a size of 12 or more, got 8");
}

TEST(Summary, CountsTheMultiplicationsOfResNet50) {
  const nn::ModelSummary summary = nn::summary(whole_resnet50(), ones({1, 3, 224, 224}));
  EXPECT_EQ(summary.macs, 4'089'184'256);
  EXPECT_EQ(summary.parameters, 25'557'032);
  EXPECT_EQ(summary.layers.front().name, "conv1");
  EXPECT_EQ(summary.layers.front().output, Shape({1, 64, 112, 112}));
  EXPECT_EQ(summary.layers.back().macs, 2048 * 1000);
}

TEST(Summary, LeavesTheModelAsItWas) {
  const auto model = resnet18({.width = 0.125});
  model->bn1->eval();
  nn::summary(*model, ones({1, 3, 32, 32}));
  EXPECT_TRUE(model->is_training() && model->layer1->is_training());
  EXPECT_FALSE(model->bn1->is_training());
  EXPECT_FALSE(model->has_hooks() || model->conv1->has_hooks());
  EXPECT_EQ(model->bn1->num_batches_tracked.item<std::int64_t>(), 0);
}

TEST(Summary, TimesEachLayer) {
  const auto model = resnet18({.width = 0.125});
  const Tensor x = ones({1, 3, 32, 32});
  int calls = 0;
  const int hook = model->conv1->register_forward_hook([&](nn::Layer&, const Tensor&, const Tensor&) {
    ++calls;
    return Tensor();
  });
  const nn::ModelSummary plain = nn::summary(*model, x), timed = nn::summary(*model, x, {.timed_calls = 3});
  model->conv1->remove_hook(hook);
  EXPECT_EQ(calls, 1 + 4);
  EXPECT_EQ(plain.seconds, 0);
  ASSERT_EQ(timed.layers.size(), plain.layers.size());
  double sum = 0;
  for (std::size_t i = 0; i < timed.layers.size(); ++i) {
    EXPECT_EQ(timed.layers[i].name, plain.layers[i].name);
    EXPECT_EQ(timed.layers[i].macs, plain.layers[i].macs);
    EXPECT_EQ(plain.layers[i].seconds, 0);
    EXPECT_GT(timed.layers[i].seconds, 0);
    sum += timed.layers[i].seconds;
  }
  EXPECT_DOUBLE_EQ(timed.seconds, sum);
  EXPECT_EQ(timed.macs, plain.macs);
  EXPECT_FALSE(model->has_hooks() || model->conv1->has_hooks());
}

TEST(Summary, IsATable) {
  const auto model = mlp({.in_features = 784, .hidden = {128}});
  (*model->layers)[0].requires_grad_(false);
  EXPECT_EQ(to_string(nn::summary(*model, ones({2, 784}))),
            "layer     type    output shape    parameters             MACs\n"
            "layers.0  Linear  [2,128]            100,480          200,704\n"
            "layers.1  ReLU    [2,128]                  0                0\n"
            "layers.2  Linear  [2,10]               1,290            2,560\n"
            "total                                101,770          203,264\n"
            "trained                                1,290\n");
  EXPECT_EQ(to_string(nn::ModelSummary{.layers = {{"fc", "Linear", {2, 10}, 110, 200, 0.0015}},
                                       .parameters = 110,
                                       .trainable_parameters = 110,
                                       .macs = 200,
                                       .seconds = 0.0015}),
            "layer  type    output shape    parameters             MACs          ms\n"
            "fc     Linear  [2,10]                 110              200       1.500\n"
            "total                                 110              200       1.500\n");
}

}  // namespace
}  // namespace fornax::models
