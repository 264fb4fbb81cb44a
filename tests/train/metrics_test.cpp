#include "fornax/train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
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

TEST(RunningMean, WeighsMeansByTheirCounts) {
  train::RunningMean mean;
  EXPECT_TRUE(std::isnan(mean.value()));
  Tensor loss = tensor<float>({2}).set_requires_grad();
  mean.update(loss, 3);
  mean.update(full({}, 6, {.dtype = bf16}), 1);
  EXPECT_EQ(mean.value(), 3);
  EXPECT_EQ(mean.count(), 4);
  mean.reset();
  EXPECT_EQ(mean.count(), 0);
  mean.update(full({}, 5, {.dtype = f64}));
  EXPECT_EQ(mean.value(), 5);
}

TEST(RunningMean, SumsInDoublePrecision) {
  train::RunningMean mean;
  mean.update(full({}, 1, {.dtype = f64}), 1 << 30);
  mean.update(full({}, 3, {.dtype = f64}));
  EXPECT_EQ(mean.value(), ((1 << 30) + 3.) / ((1 << 30) + 1.));
}

TEST(RunningMean, SaysWhatItCannotTake) {
  train::RunningMean mean;
  EXPECT_EQ(error_of<ShapeError>([&] { mean.update(zeros({2})); }),
            "[RunningMean] expected one number, got f32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { mean.update(zeros({}, {.dtype = i64})); }),
            "[RunningMean] expected a floating mean, got i64[]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { mean.update(zeros({}), -1); }),
            "[RunningMean] expected a count of 0 or more, got -1");
}

Tensor predictions(std::initializer_list<std::int64_t> classes, std::int64_t count) {
  Tensor logits = zeros({static_cast<std::int64_t>(classes.size()), count});
  std::int64_t row = 0;
  for (const std::int64_t c : classes) logits.select(0, row++).select(0, c).fill_(1);
  return logits;
}

/// The numbers of scikit-learn's classification_report.
TEST(ConfusionMatrix, GivesPrecisionRecallAndF1) {
  train::ConfusionMatrix matrix(4);
  for (const bool autocast : {false, true}) {
    const amp::Autocast cast(DeviceType::cpu, bf16, autocast);
    matrix.update(predictions({0, 0, 1, 1, 1}, 4), tensor<std::int64_t>({0, 0, 0, 1, 2}));
  }
  matrix.update(predictions({3, 2}, 4), tensor<std::int64_t>({-100, 1}));
  EXPECT_EQ(matrix.counts().to_vector<std::int64_t>(),
            (std::vector<std::int64_t>{4, 2, 0, 0, 0, 2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0}));
  const train::ClassificationReport report = matrix.report();
  EXPECT_EQ(report.classes[0].precision, 1);
  EXPECT_EQ(report.classes[0].recall, 4 / 6.);
  EXPECT_EQ(report.classes[0].f1, 8 / 10.);
  EXPECT_EQ(report.classes[1].precision, 2 / 6.);
  EXPECT_EQ(report.classes[1].recall, 2 / 3.);
  EXPECT_EQ(report.classes[1].support, 3);
  EXPECT_EQ(report.classes[2].precision + report.classes[2].recall + report.classes[2].f1, 0);
  EXPECT_EQ(report.classes[3].f1, 0);
  EXPECT_EQ(report.classes[3].support, 0);
  EXPECT_DOUBLE_EQ(report.macro.precision, (1 + 2 / 6.) / 4);
  EXPECT_DOUBLE_EQ(report.macro.recall, (4 / 6. + 2 / 3.) / 4);
  EXPECT_DOUBLE_EQ(report.macro.f1, (8 / 10. + 4 / 9.) / 4);
  EXPECT_EQ(report.macro.support, 11);
  EXPECT_EQ(report.accuracy, 6 / 11.);
  matrix.reset();
  EXPECT_EQ(matrix.report().accuracy, 0);
}

TEST(ConfusionMatrix, CountsNothingOfRowsOfNaN) {
  train::ConfusionMatrix matrix(2);
  matrix.update(tensor<float>({NAN, 0, 0, NAN, 0, 1}, {3, 2}), tensor<std::int64_t>({0, 0, 1}));
  EXPECT_EQ(matrix.counts().to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 0, 0, 1}));
}

TEST(ConfusionMatrix, CountsMoreThan16BitsHold) {
  train::ConfusionMatrix matrix(1);
  const amp::Autocast cast(DeviceType::cpu, f16);
  matrix.update(zeros({70'001, 1}), zeros({70'001}, {.dtype = i64}));
  EXPECT_EQ(matrix.counts().item<std::int64_t>(), 70'001);
}

TEST(ConfusionMatrix, SaysWhatItCannotTake) {
  train::ConfusionMatrix matrix(3);
  EXPECT_EQ(error_of<ShapeError>([&] {
              matrix.update(zeros({1, 4}), zeros({1}, {.dtype = i64}));
            }),
            "[ConfusionMatrix] expected logits of 3 classes, got others; logits=f32[1,4]@cpu "
            "target=i64[1]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { train::ConfusionMatrix{0}; }),
            "[ConfusionMatrix] expected 1 class or more, got 0");
}

}  // namespace
}  // namespace fornax
