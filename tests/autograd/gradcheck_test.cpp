#include "fornax/autograd/gradcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "fornax/autograd/node.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

using testing::ElementsAre;

struct WrongGrad final : autograd::Node {
  std::string_view name() const override { return "wrong"; }
  Grads backward(const Tensor& dy) override { return {dy * 3}; }
};
Tensor twice_with_wrong_gradient(const Tensor& x) {
  Tensor y = x.detach() * 2;
  autograd::record<WrongGrad>(y, {x}, [](WrongGrad&) {});
  return y;
}

TEST(Gradcheck, NamesTheFirstEntryThatFails) {
  const Tensor a = tensor<double>({1, 2}).set_requires_grad(), b = tensor<double>({0}).set_requires_grad();
  const autograd::GradcheckResult result = autograd::gradcheck(
      [](std::span<const Tensor> x) { return x[0] + twice_with_wrong_gradient(x[1]); }, {a, b});
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message, testing::MatchesRegex("input 1 \\(f64\\[1\\]@cpu\\), entry 0: backward gives "
                                                    "[0-9.]+, central differences give [0-9.]+"));
}

TEST(Gradcheck, LeavesItsInputsAsTheyWere) {
  Tensor x = tensor<double>({1, 2}).set_requires_grad();
  x.set_grad(tensor<double>({5, 6}));
  EXPECT_TRUE(autograd::gradcheck([](std::span<const Tensor> in) { return in[0] * in[0]; }, {x}));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(5, 6));
  int calls = 0;
  const auto throws_at_the_third = [&](std::span<const Tensor> in) {
    if (++calls == 3) throw std::runtime_error("third");
    return in[0] * in[0];
  };
  EXPECT_THROW(autograd::gradcheck(throws_at_the_third, {x}), std::runtime_error);
  EXPECT_THAT(x.to_vector<double>(), ElementsAre(1, 2));
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(5, 6));
}

TEST(Gradcheck, TakesDoublesOnly) {
  const Tensor x = tensor<float>({1}).set_requires_grad();
  EXPECT_EQ(error_of<DTypeError>(
                [&] { autograd::gradcheck([](std::span<const Tensor> in) { return in[0]; }, {x}); }),
            "[gradcheck] expected inputs in f64 on the CPU, got f32[1]@cpu");
}

}  // namespace
}  // namespace fornax::test
