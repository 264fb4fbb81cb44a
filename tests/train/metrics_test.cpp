#include "fornax/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax {
namespace {

using test::error_of;
using train::top_k_correct;

const Tensor& logits() {
  static const Tensor values = tensor<float>({0, 1, 2, 3,  //
                                              3, 2, 1, 0,  //
                                              5, 5, 1, 0,  //
                                              NAN, NAN, NAN, NAN},
                                             {4, 4});
  return values;
}

std::int64_t correct(std::initializer_list<std::int64_t> target, int k) {
  return top_k_correct(logits(), tensor<std::int64_t>(target), k).item<std::int64_t>();
}

TEST(TopKCorrect, CountsTheRowsWhoseClassIsAmongTheKLargest) {
  EXPECT_EQ(correct({3, 0, 0, 2}, 1), 3);
  EXPECT_EQ(correct({2, 2, 1, 2}, 1), 0);
  EXPECT_EQ(correct({2, 2, 1, 2}, 2), 2);
  EXPECT_EQ(correct({2, 2, 1, 2}, 3), 3);
}

TEST(TopKCorrect, LetsTiesCountAgainstTheTargetBeyondK1) {
  EXPECT_EQ(correct({0, 0, 0, 0}, 2), 2);
  EXPECT_EQ(top_k_correct(zeros({3, 10}), zeros({3}, {.dtype = i64}), 5).item<std::int64_t>(), 0);
}

TEST(TopKCorrect, NeverCountsIgnoredTargetsAndRowsOfNaN) {
  for (const int k : {1, 2, 9}) {
    EXPECT_EQ(correct({-100, -100, -100, -100}, k), 0) << k;
    EXPECT_EQ(correct({-100, -100, -100, 0}, k), 0) << k;
  }
}

TEST(TopKCorrect, RecordsNothing) {
  Tensor x = zeros({2, 3}).set_requires_grad();
  EXPECT_FALSE(top_k_correct(x, zeros({2}, {.dtype = i64})).requires_grad());
}

TEST(TopKCorrect, SaysWhatItCannotTake) {
  const Tensor target = zeros({2}, {.dtype = i64});
  EXPECT_EQ(error_of<ShapeError>([&] {
              top_k_correct(zeros({3, 4}), target);
            }),
            "[top_k_correct] expected logits[N,C] and target[N], got others; logits=f32[3,4]@cpu "
            "target=i64[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] {
              top_k_correct(zeros({3, 4}), zeros({3}));
            }),
            "[top_k_correct] expected floating logits and an i64 target, got others; logits=f32[3,4]@cpu "
            "target=f32[3]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] {
              top_k_correct(zeros({2, 4}), target, 0);
            }),
            "[top_k_correct] expected k of 1 or more, got 0");
}

}  // namespace
}  // namespace fornax
