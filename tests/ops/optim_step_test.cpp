#include "fornax/ops/optim_step.h"

#include <gtest/gtest.h>

#include <cmath>
#include <type_traits>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

TEST(SgdStep, AFirstStepIgnoresWhatTheBufferHolds) {
  const Tensor p = ones({2}), b = full({2}, NAN);
  sgd_step(std::vector<SgdEntry>{{p, ones({2}), b, true}}, {.lr = 0.5, .momentum = 0.9});
  EXPECT_EQ(p.to_vector<float>(), (std::vector<float>{0.5f, 0.5f}));
  EXPECT_EQ(b.to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(SgdStep, RefusesAGradientThatDoesNotFitAndChangesNothing) {
  const Tensor p = ones({2}), q = ones({3});
  EXPECT_EQ(error_of<ShapeError>([&] {
              sgd_step(std::vector<SgdEntry>{{p, ones({2})}, {q, ones({2})}}, {});
            }),
            "[sgd_step] expected a gradient like its parameter, got f32[2]@cpu; parameter=f32[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] {
              sgd_step(std::vector<SgdEntry>{{p, ones({2}, {.dtype = f64})}}, {});
            }),
            "[sgd_step] expected a gradient like its parameter, got f64[2]@cpu; parameter=f32[2]@cpu");
  EXPECT_EQ(p.to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(AdamWStep, CountsStepsFromOne) {
  const Tensor p = ones({2});
  EXPECT_EQ(error_of<ValueError>([&] {
              adamw_step(std::vector<AdamWEntry>{{p, p.clone(), p.clone(), p.clone(), 0}}, {});
            }),
            "[adamw_step] expected a step of 1 or more, got 0");
}

TEST(SgdStep, OfACallThatMayBeSkippedEachEntryCountsItsSteps) {
  const Tensor p = ones({2}), g = ones({2}), steps = zeros({}, {.dtype = i64}), found_inf = zeros({});
  const auto refused = [&]<class E>(std::type_identity<E>, const Tensor& own, const Tensor& flag) {
    return error_of<E>([&] { sgd_step(std::vector<SgdEntry>{{p, g, {}, false, own}}, {}, {}, flag); });
  };
  EXPECT_EQ(refused(std::type_identity<ValueError>{}, {}, found_inf),
            "[sgd_step] expected steps beside found_inf, got none");
  EXPECT_EQ(refused(std::type_identity<ValueError>{}, steps, {}),
            "[sgd_step] expected found_inf beside steps, got none");
  EXPECT_EQ(refused(std::type_identity<DTypeError>{}, zeros({}), found_inf),
            "[sgd_step] expected steps of one i64, got f32[]@cpu");
  EXPECT_EQ(refused(std::type_identity<ShapeError>{}, steps, zeros({2})),
            "[sgd_step] expected found_inf of one f32, got f32[2]@cpu");
  EXPECT_EQ(p.to_vector<float>(), (std::vector<float>{1, 1}));
  EXPECT_EQ(steps.item(), 0);
}

TEST(AdamWStep, OfACallThatMayBeSkippedEachEntryCountsItsSteps) {
  const Tensor p = ones({2});
  EXPECT_EQ(error_of<ValueError>([&] {
              adamw_step(std::vector<AdamWEntry>{{p, p.clone(), p.clone(), p.clone()}}, {}, {}, zeros({}));
            }),
            "[adamw_step] expected steps beside found_inf, got none");
}

TEST(TotalNorm, NeedsATensor) {
  EXPECT_EQ(error_of<ValueError>([] { total_norm({}); }),
            "[total_norm] expected at least one tensor, got none");
}

TEST(ClipByNorm, LeavesANanForTheCallerToSee) {
  const std::vector<Tensor> tensors{tensor<float>({NAN, 1})};
  const Tensor norm = total_norm(tensors);
  EXPECT_TRUE(std::isnan(norm.item()));
  clip_by_norm_(tensors, norm, 1);
  EXPECT_TRUE(std::isnan(tensors[0][0].item()));
}

}  // namespace
}  // namespace fornax::test
