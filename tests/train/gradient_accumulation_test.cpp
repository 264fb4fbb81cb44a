// The recipe of docs/data.md: the sum of loss / n over n batches.
#include <gtest/gtest.h>

#include "fornax/models/mlp.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/random.h"

namespace fornax {
namespace {

TEST(GradientAccumulation, OfPartsOfABatchGivesTheGradientsOfTheWholeOne) {
  Generator generator(3);
  const GeneratorGuard guard(generator);
  const auto model = models::mlp({.in_features = 6, .hidden = {8}, .classes = 5});
  model->to(f64);
  const Tensor x = randn({12, 6}, {.dtype = f64}), label = randint(0, 5, {12});
  const auto gradients = [&](std::int64_t n) {
    model->zero_grad();
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int64_t size = 12 / n;
      const Tensor logits = (*model)(x.narrow(0, i * size, size));
      (cross_entropy(logits, label.narrow(0, i * size, size)) / n).backward();
    }
    std::vector<double> all;
    for (const Tensor& parameter : model->parameters())
      for (const double value : parameter.grad().to_vector<double>()) all.push_back(value);
    return all;
  };
  const std::vector<double> whole = gradients(1);
  for (const std::int64_t n : {2, 3, 12}) {
    const std::vector<double> summed = gradients(n);
    for (std::size_t i = 0; i < whole.size(); ++i) EXPECT_NEAR(summed[i], whole[i], 1e-14) << n;
  }
}

}  // namespace
}  // namespace fornax
