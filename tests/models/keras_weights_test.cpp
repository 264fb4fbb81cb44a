#include "fornax/models/keras_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "support/error_of.h"
#include "support/golden.h"

namespace fornax::models {
namespace {

using namespace test;

using testing::HasSubstr;

/// numbers() of scripts/make_keras_goldens.py.
Tensor weight(const std::string& name, const Shape& shape) {
  double offset = 0, scale = 0.1;
  if (name.ends_with("/kernel")) {
    const double fan_in = static_cast<double>(shape.product() / shape.back());
    scale = std::sqrt((shape.rank() == 4 ? 6.0 : 1.0) / fan_in);
  } else if (name.ends_with("/moving_variance")) {
    offset = 1, scale = 0.5;
  } else if (name.ends_with("_3_bn/gamma")) {
    offset = 0.075, scale = 0.025;
  } else if (name.ends_with("/gamma")) {
    offset = 0.75, scale = 0.25;
  }
  return golden_uniform("keras_resnet50/" + name, shape, offset, scale);
}

/// The weights of the ResNet50 of keras.applications, in double precision.
const State& keras_weights() {
  static const State all = [] {
    State state;
    for (const auto& entry : GoldenFile("keras_resnet50").json("weights")) {
      const std::vector<std::int64_t> sizes = entry.at(1);
      const std::string name = entry.at(0);
      state.add(name, weight(name, Shape(std::span(sizes))));
    }
    return state;
  }();
  return all;
}

/// The layer's name in Keras 1 and 2.0, of "conv2_block1_1_conv".
std::string former_layer(const std::string& layer) {
  if (layer == "conv1_conv") return "conv1";
  if (layer == "conv1_bn") return "bn_conv1";
  if (layer == "predictions") return "fc1000";
  const char stage = layer[4], part = layer[13];
  const char block = static_cast<char>('a' + (layer[11] - '1'));
  return (layer.ends_with("conv") ? std::string("res") : std::string("bn")) + stage + block + "_branch" +
         (part == '0' ? std::string("1") : std::string("2") + static_cast<char>('a' + (part - '1')));
}

std::string former_weight(const std::string& weight) {
  if (weight == "kernel") return "W";
  if (weight == "bias") return "b";
  if (weight == "moving_mean") return "running_mean";
  return weight == "moving_variance" ? "running_std" : weight;
}

/// With another tensor in the place of one of them, or without that one.
State changed(const std::string& which, const Tensor& tensor) {
  State state;
  for (const auto& [name, value] : keras_weights())
    if (name != which || tensor.defined()) state.add(name, name == which ? tensor : value);
  return state;
}

std::string refusal(const State& state) {
  return error_of<ValueError>([&] { resnet_state_from_keras(state); });
}

TEST(KerasWeights, GiveTheLogitsOfKeras) {
  const NoGrad no_grad;
  const auto model = resnet50(keras_resnet_options(10));
  model->to(f64);
  model->load_state(resnet_state_from_keras(keras_weights()));
  model->eval();
  const Tensor logits = (*model)(golden_uniform("keras_resnet50/images", {2, 3, 64, 64}, 0, 2));
  // They differ by 1e-7, as if some of Keras' numbers had been rounded to f32, though all its dtypes are f64.
  expect_near_golden(logits, GoldenFile("keras_resnet50").tensors().at("logits"), 1e-6, "logits");
}

TEST(KerasWeights, MayHaveTheNamesOfFormerVersions) {
  State former;
  for (const auto& [name, tensor] : keras_weights()) {
    const std::size_t slash = name.find('/');
    const std::string layer = former_layer(name.substr(0, slash));
    former.add(layer + "/" + layer + "_" + former_weight(name.substr(slash + 1)), tensor);
  }
  ASSERT_TRUE(former.contains("res5c_branch2c/res5c_branch2c_W"));
  ASSERT_TRUE(former.contains("bn2a_branch1/bn2a_branch1_running_std"));
  const State expected = resnet_state_from_keras(keras_weights()), got = resnet_state_from_keras(former);
  ASSERT_EQ(got.size(), expected.size());
  for (const auto& [name, tensor] : expected)
    if (is_floating(tensor.dtype())) {
      EXPECT_EQ(got.at(name).to_vector<double>(), tensor.to_vector<double>()) << name;
    }
}

TEST(KerasWeights, WithoutTheTopLeaveTheHeadAlone) {
  State without;
  for (const auto& [name, tensor] : keras_weights())
    if (!name.starts_with("predictions/")) without.add(name, tensor);
  const auto model = resnet50(keras_resnet_options(5));
  const nn::LoadReport report = model->load_state(resnet_state_from_keras(without), /*strict=*/false);
  EXPECT_THAT(report.missing, testing::ElementsAre("fc.weight", "fc.bias"));
  EXPECT_THAT(report.mismatched, testing::IsEmpty());
}

TEST(KerasWeights, OfSomethingElseAreRefusedByName) {
  const std::string kernel = "conv4_block2_2_conv/kernel";
  EXPECT_EQ(refusal(changed("conv4_block2_2_conv/bias", {})),
            "[resnet_state_from_keras] expected a weight 'conv4_block2_2_conv/bias', got none");
  EXPECT_EQ(refusal(changed(kernel, tensor<double>({1, 2}))),
            "[resnet_state_from_keras] expected rank 4 for 'conv4_block2_2_conv/kernel', got f64[2]@cpu");
  EXPECT_EQ(refusal(changed("conv1_conv/kernel", empty({7, 7, 1, 64}))),
            "[resnet_state_from_keras] expected images of 3 channels, got 1");
  State more = keras_weights();
  more.add("lstm/kernel", tensor<double>({1}));
  EXPECT_EQ(refusal(more),
            "[resnet_state_from_keras] expected the weights of a ResNet, got also 'lstm/kernel'");
  EXPECT_THAT(refusal({}), HasSubstr("expected a weight 'conv1_conv/kernel', got none"));
}

}  // namespace
}  // namespace fornax::models
