// Initial values are distributed as PyTorch's: uniform ones fill the same bounds, normal ones have the same
// deviation.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/philox.h"
#include "fornax/nn/conv.h"
#include "fornax/nn/init.h"
#include "fornax/nn/linear.h"
#include "fornax/nn/norm.h"
#include "goldens/runners.h"
#include "support/golden.h"

namespace fornax::test {
namespace {

using nn::init::FanMode;
using nn::init::Nonlinearity;

template <Tensor (*fill)(Tensor, const nn::init::KaimingOptions&)>
Tensor kaiming(const Attrs& attrs) {
  return fill(
      empty(dims(attrs, "shape")),
      {.mode = attrs.at("mode") == "fan_in" ? FanMode::in : FanMode::out,
       .nonlinearity = attrs.at("nonlinearity") == "relu" ? Nonlinearity::relu : Nonlinearity::linear});
}

template <Tensor (*fill)(Tensor, double)>
Tensor xavier(const Attrs& attrs) {
  return fill(empty(dims(attrs, "shape")), attrs.at("gain"));
}

Tensor parameter(const nn::Module& layer, const Attrs& attrs) {
  return layer.named_parameters().at(attrs.at("parameter").get<std::string>());
}

Tensor linear(const Attrs& attrs) {
  return parameter(
      nn::Linear({.in_features = attrs.at("in_features"), .out_features = attrs.at("out_features")}), attrs);
}

Tensor conv2d(const Attrs& attrs) {
  return parameter(nn::Conv2d({.in_channels = attrs.at("in_channels"),
                               .out_channels = attrs.at("out_channels"),
                               .kernel_size = pair(attrs, "kernel_size"),
                               .groups = attrs.at("groups")}),
                   attrs);
}

Tensor embedding(const Attrs& attrs) {
  return nn::Embedding(
             {.num_embeddings = attrs.at("num_embeddings"), .embedding_dim = attrs.at("embedding_dim")})
      .weight;
}

enum class Kind { uniform, normal };
struct Distribution {
  Kind kind;
  Tensor (*sample)(const Attrs& attrs);
};
const std::map<std::string, Distribution, std::less<>>& distributions() {
  static const std::map<std::string, Distribution, std::less<>> all = {
      {"default_init_conv2d", {Kind::uniform, conv2d}},
      {"default_init_embedding", {Kind::normal, embedding}},
      {"default_init_linear", {Kind::uniform, linear}},
      {"kaiming_normal", {Kind::normal, kaiming<nn::init::kaiming_normal_>}},
      {"kaiming_uniform", {Kind::uniform, kaiming<nn::init::kaiming_uniform_>}},
      {"xavier_normal", {Kind::normal, xavier<nn::init::xavier_normal_>}},
      {"xavier_uniform", {Kind::uniform, xavier<nn::init::xavier_uniform_>}},
  };
  return all;
}

const GoldenFile& goldens() {
  static const GoldenFile file("randoms");
  return file;
}

std::vector<GoldenCase> samples() {
  std::vector<GoldenCase> cases = goldens().cases();
  std::erase_if(cases, [](const GoldenCase& golden) {
    return golden.op == "philox4x32_10" || golden.op == "default_init_batch_norm";
  });
  return cases;
}

class InitGolden : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(InitGolden, IsDistributedAsPyTorchs) {
  const GoldenCase& golden = GetParam();
  const auto found = distributions().find(golden.op);
  ASSERT_NE(found, distributions().end()) << "nothing says how to draw " << golden.op;
  const std::vector<float> values = found->second.sample(golden.attrs).detach().to_vector<float>();
  const double expected = golden.outputs.at(0).item();
  double largest = 0, squares = 0, sum = 0;
  for (const double value : values) {
    largest = std::max(largest, std::abs(value));
    squares += value * value;
    sum += value;
  }
  const auto count = static_cast<double>(values.size());
  if (found->second.kind == Kind::uniform) {
    EXPECT_LE(largest, expected * (1 + 1e-6));
    EXPECT_GT(largest, expected * 0.99);
    EXPECT_NEAR(std::sqrt(squares / count), expected / std::sqrt(3), expected * 0.02);
  } else {
    EXPECT_NEAR(std::sqrt(squares / count), expected, expected * 0.02);
  }
  EXPECT_NEAR(sum / count, 0, expected * 0.05);
}

INSTANTIATE_TEST_SUITE_P(Of, InitGolden, ::testing::ValuesIn(samples()), [](const auto& param_info) {
  return param_info.param.op + "_" + param_info.param.name;
});

TEST(BatchNormGolden, StartsAsPyTorchs) {
  const GoldenFile& file = goldens();
  const std::string key = "default_init_batch_norm/ones_and_zeros";
  const nn::BatchNorm2d layer({.num_features = file.json(key).at("num_features")});
  const Tensor starts[] = {layer.weight, layer.bias, layer.running_mean, layer.running_var};
  for (int i = 0; i < 4; ++i)
    expect_near_golden(starts[i], file.tensors().at(fmt::format("{}/out{}", key, i)), 0,
                       fmt::format("out{}", i));
}

TEST(PhiloxGolden, GivesTheKnownAnswersOfRandom123AndOthers) {
  for (const GoldenCase& golden : goldens().cases()) {
    if (golden.op != "philox4x32_10") continue;
    const std::vector<std::int64_t> counters = golden.inputs[0].to_vector<std::int64_t>(),
                                    keys = golden.inputs[1].to_vector<std::int64_t>(),
                                    blocks = golden.outputs[0].to_vector<std::int64_t>();
    const auto join = [](const std::vector<std::int64_t>& words, std::size_t low) {
      return static_cast<std::uint64_t>(words[low + 1]) << 32 | static_cast<std::uint64_t>(words[low]);
    };
    for (std::size_t row = 0; row < blocks.size() / 4; ++row) {
      const auto block = philox(join(keys, 2 * row), join(counters, 4 * row), join(counters, 4 * row + 2));
      for (std::size_t i = 0; i < 4; ++i)
        EXPECT_EQ(block[i], blocks[4 * row + i]) << golden.name << " row " << row;
    }
  }
}

}  // namespace
}  // namespace fornax::test
