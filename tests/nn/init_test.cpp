#include "fornax/nn/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "fornax/ops/create.h"
#include "fornax/ops/random.h"
#include "support/error_of.h"

namespace fornax::nn::init {
namespace {

using test::error_of;
using testing::Each;

struct Moments {
  double mean = 0, deviation = 0, least = 0, most = 0;
};
Moments moments(const Tensor& tensor) {
  const std::vector<float> values = tensor.to_vector<float>();
  const double count = static_cast<double>(values.size());
  Moments m{.least = values[0], .most = values[0]};
  for (const double value : values) {
    m.mean += value / count;
    m.deviation += value * value / count;
    m.least = std::min(m.least, value);
    m.most = std::max(m.most, value);
  }
  m.deviation = std::sqrt(m.deviation - m.mean * m.mean);
  return m;
}
void expect_uniform(const Tensor& tensor, double bound) {
  const Moments m = moments(tensor);
  EXPECT_NEAR(m.mean, 0, 0.02 * bound);
  EXPECT_NEAR(m.deviation, bound / std::sqrt(3.0), 0.01 * bound);
  EXPECT_LE(m.most, bound);
  EXPECT_GE(m.least, -bound);
}
void expect_normal(const Tensor& tensor, double deviation) {
  const Moments m = moments(tensor);
  EXPECT_NEAR(m.mean, 0, 0.02 * deviation);
  EXPECT_NEAR(m.deviation, deviation, 0.02 * deviation);
  EXPECT_GT(m.most, 3 * deviation);
}

const Shape weight{50, 20, 5, 5};  // fan in 500, fan out 1250

TEST(Fan, CountsTheReceptiveField) {
  EXPECT_EQ(fan_of(weight).in, 500);
  EXPECT_EQ(fan_of(weight).out, 1250);
  EXPECT_EQ(fan_of({7, 3}).in, 3);
  EXPECT_EQ(error_of<ShapeError>([] { fan_of({7}); }), "[init] expected a weight [out, in, ...], got [7]");
}

TEST(Gain, IsPyTorchs) {
  EXPECT_EQ(gain(Nonlinearity::linear), 1);
  EXPECT_EQ(gain(Nonlinearity::sigmoid), 1);
  EXPECT_EQ(gain(Nonlinearity::tanh), 5.0 / 3);
  EXPECT_EQ(gain(Nonlinearity::relu), std::sqrt(2.0));
  EXPECT_EQ(gain(Nonlinearity::leaky_relu, 0.5), std::sqrt(2 / 1.25));
  EXPECT_EQ(gain(Nonlinearity::selu), 0.75);
}

TEST(Kaiming, KeepsTheVarianceOfTheFanThatIsAskedFor) {
  expect_uniform(kaiming_uniform_(empty(weight)), std::sqrt(6.0 / 500));
  expect_uniform(kaiming_uniform_(empty(weight), {.a = std::sqrt(5.0)}), 1 / std::sqrt(500.0));
  expect_normal(kaiming_normal_(empty(weight), {.mode = FanMode::out, .nonlinearity = Nonlinearity::relu}),
                std::sqrt(2.0 / 1250));
}

TEST(Xavier, KeepsTheVarianceBothWays) {
  expect_uniform(xavier_uniform_(empty(weight), 2), 2 * std::sqrt(6.0 / 1750));
  expect_normal(xavier_normal_(empty(weight)), std::sqrt(2.0 / 1750));
}

TEST(TruncNormal, IsANormalDistributionWithoutItsTails) {
  // The standard normal between -2 and 2 has deviation 0.8796.
  const Moments m = moments(trunc_normal_(empty(weight), 1, 0.5, 0, 2));
  EXPECT_NEAR(m.mean, 1, 0.01);
  EXPECT_NEAR(m.deviation, 0.5 * 0.8796, 0.005);
  EXPECT_GE(m.least, 0);
  EXPECT_LE(m.most, 2);
  EXPECT_LT(m.least, 0.01);
  EXPECT_GT(m.most, 1.99);
}

TEST(TruncNormal, WithFarBoundsIsTheNormalDistribution) {
  const Tensor x = trunc_normal_(empty(weight), 0, 1, -10, 10);
  expect_normal(x, 1);
  EXPECT_LT(moments(x).most, 5);
  std::vector<float> values = x.to_vector<float>();
  const auto below = [&](float z) {
    return static_cast<double>(std::ranges::count_if(values, [z](float v) { return v < z; })) /
           static_cast<double>(values.size());
  };
  EXPECT_NEAR(below(-3), 0.00135, 0.0008);
  EXPECT_NEAR(below(-1), 0.15866, 0.01);
  EXPECT_NEAR(below(1), 0.84134, 0.01);
}

TEST(TruncNormal, NeedsBoundsAroundTheMean) {
  EXPECT_EQ(error_of<ValueError>([] { trunc_normal_(empty({2}), 0, 1, 6, 7); }),
            "[trunc_normal_] expected bounds around the mean, got mean=0 deviation=1 low=6 high=7");
}

TEST(Init, WritesParametersInPlaceAndRepeatsForASeed) {
  Tensor parameter = zeros({3, 4}).set_requires_grad();
  manual_seed(7);
  EXPECT_TRUE(xavier_uniform_(parameter).is(parameter));
  EXPECT_TRUE(parameter.is_leaf() && parameter.requires_grad());
  const std::vector<float> first = parameter.to_vector<float>();
  manual_seed(7);
  xavier_uniform_(parameter);
  EXPECT_EQ(parameter.to_vector<float>(), first);
  EXPECT_THAT(ones_(parameter).to_vector<float>(), Each(1));
  EXPECT_THAT(zeros_(parameter).to_vector<float>(), Each(0));
  EXPECT_THAT(constant_(parameter, 0.5).to_vector<float>(), Each(0.5f));
  EXPECT_NEAR(moments(normal_(empty({5000}), 3, 0.5)).mean, 3, 0.05);
}

}  // namespace
}  // namespace fornax::nn::init
