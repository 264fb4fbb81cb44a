#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/batch_norm.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/reduce.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Anomaly, NamesTheOpThatFirstMadeAnInfinity) {
  const AnomalyGuard guard;
  const Tensor x = tensor<double>({1e308}).set_requires_grad();
  EXPECT_EQ(error_of<AutogradError>([&] { (x + 1) * 10; }),
            "[mul] expected finite values, got a NaN or an infinity; y=f64[1]@cpu");
  const NoGrad no_grad;
  EXPECT_THAT(error_of<AutogradError>([&] { x * 10; }), StartsWith("[mul] "));
}

TEST(Anomaly, NamesTheOpWhoseBackwardMadeIt) {
  const Tensor x = tensor<double>({1}).set_requires_grad();
  const Tensor y = x / tensor<double>({1e-308});
  const AnomalyGuard guard;
  EXPECT_THAT(error_of<AutogradError>([&] { y.backward(tensor<double>({1e10})); }),
              StartsWith("[div backward] expected finite values"));
}

TEST(Anomaly, NamesTheKindOfAFamilyOfOps) {
  const AnomalyGuard guard;
  const Tensor x = tensor<double>({infinity, infinity});
  EXPECT_THAT(error_of<AutogradError>([&] { amin(x); }), StartsWith("[amin] "));
  EXPECT_THAT(error_of<AutogradError>([&] { amax(x); }), StartsWith("[amax] "));
}

TEST(Anomaly, DoesNotLookInsideOfOps) {
  const AnomalyGuard guard;
  const Tensor logits = tensor<double>({30, -30}).set_requires_grad();
  binary_cross_entropy_with_logits(logits, tensor<double>({1, 0})).backward();
  EXPECT_LT(amax(abs(logits.grad())).item(), 1e-12);

  for (const double p : {2.0, 3.0}) {
    const Tensor x = zeros({2}, {.dtype = f64}).set_requires_grad();
    norm(x, p).backward();
    EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(0, 0));
  }

  const Tensor base = tensor<double>({0, 2}), exponent = tensor<double>({2, 1}).set_requires_grad();
  sum(pow(base, exponent)).backward();
  EXPECT_EQ(exponent.grad()[0].item(), 0);
}

TEST(Anomaly, LooksAtTheResultOfBatchNormNotAtItsRunningStatistics) {
  const AnomalyGuard guard;
  const Tensor x = tensor<float>({1e19f, -1e19f}, {2, 1}), mean = zeros({1}), var = full({1}, 3e38);
  batch_norm(x, {}, {}, mean, var, {.training = true, .momentum = 1e3});
  EXPECT_FALSE(std::isfinite(var.item()));
}

}  // namespace
}  // namespace fornax::test
