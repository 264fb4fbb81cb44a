#include "fornax/tensor/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;
using testing::ElementsAre;

std::vector<std::string> names(const State& state) {
  std::vector<std::string> all;
  for (const auto& [name, tensor] : state) all.push_back(name);
  return all;
}

TEST(State, KeepsTheOrderInWhichEntriesWereAdded) {
  State state;
  state.add("z", tensor<float>({1}));
  state.add("a", tensor<float>({2}));
  state.add("m", tensor<float>({3}));
  EXPECT_THAT(names(state), ElementsAre("z", "a", "m"));
  EXPECT_EQ(state.at("a").item(), 2);
}

TEST(State, HoldsNumbersAsScalarTensors) {
  State state;
  state.add_int("step", std::int64_t{1} << 60);
  state.add_double("rate", 0.1);
  EXPECT_EQ(describe(state.at("step")), "i64[]@cpu");
  EXPECT_EQ(describe(state.at("rate")), "f64[]@cpu");
  EXPECT_EQ(state.int_at("step"), std::int64_t{1} << 60);
  EXPECT_EQ(state.double_at("rate"), 0.1);
}

TEST(State, MergesUnderAPrefixAndGivesThePartBack) {
  const State model{{"fc.weight", tensor<float>({1})}, {"fc.bias", tensor<float>({2})}};
  State all;
  all.merge("model", model);
  all.add("models", tensor<float>({3}));
  EXPECT_THAT(names(all), ElementsAre("model.fc.weight", "model.fc.bias", "models"));
  EXPECT_THAT(names(all.sub("model")), ElementsAre("fc.weight", "fc.bias"));
  EXPECT_TRUE(all.sub("model").at("fc.bias").is(model.at("fc.bias")));
}

TEST(State, AMergeThatFailsAddsNothing) {
  State all{{"m.b", tensor<float>({1})}};
  EXPECT_THROW(all.merge("m", {{"a", tensor<float>({2})}, {"b", tensor<float>({3})}}), ValueError);
  EXPECT_THAT(names(all), ElementsAre("m.b"));
  EXPECT_FALSE(all.contains("m.a"));
}

TEST(State, SharesMemoryUntilItIsCloned) {
  Tensor weight = tensor<float>({1, 2});
  const State live{{"weight", weight}}, snapshot = live.clone();
  weight.fill_(7);
  EXPECT_THAT(live.at("weight").to_vector<float>(), ElementsAre(7, 7));
  EXPECT_THAT(snapshot.at("weight").to_vector<float>(), ElementsAre(1, 2));
}

TEST(State, SaysWhatIsWrong) {
  State state{{"x", tensor<float>({1, 2})}};
  EXPECT_EQ(error_of([&] { state.add("x", tensor<float>({1})); }),
            "[state] expected each name once, got 'x' again");
  EXPECT_EQ(error_of([&] { state.add("y", Tensor()); }),
            "[state] expected a tensor for 'y', got an undefined one");
  EXPECT_EQ(error_of([&] { state.at("y"); }), "[state] expected an entry 'y', got none among 1");
  EXPECT_EQ(error_of([&] { state.int_at("x"); }), "[state] expected i64 for 'x', got f32[2]@cpu");
}

}  // namespace
}  // namespace fornax
