#include "fornax/ops/amp.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

TEST(AmpUnscale, RefusesWhatIsNoScaleOrFlagAndChangesNothing) {
  const std::vector<Tensor> gradients{ones({2})};
  const Tensor scale = full({}, 2), found_inf = zeros({});
  EXPECT_EQ(error_of<DTypeError>([&] { amp_unscale_(gradients, full({}, 2, {.dtype = f64}), found_inf); }),
            "[amp_unscale_] expected scale of one f32, got f64[]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] { amp_unscale_(gradients, scale, zeros({2})); }),
            "[amp_unscale_] expected found_inf of one f32, got f32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] {
              amp_unscale_(std::vector<Tensor>{ones({2}), ones({2}, {.dtype = i64})}, scale, found_inf);
            }),
            "[amp_unscale_] expected floating tensors, got i64[2]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { amp_unscale_(gradients, scale, {}); }),
            "[amp_unscale_] expected a tensor as found_inf, got an undefined one");
  EXPECT_EQ(gradients[0].to_vector<float>(), (std::vector<float>{1, 1}));
}

TEST(AmpUnscale, KeepsAFlagThatIsSet) {
  const Tensor found_inf = ones({});
  amp_unscale_(std::vector<Tensor>{ones({2})}, full({}, 2), found_inf);
  EXPECT_EQ(found_inf.item(), 1);
}

TEST(AmpUpdateScale, StaysWhereTheNextScaleIsNotFinite) {
  const float large = std::numeric_limits<float>::max();
  const Tensor scale = full({}, large), tracker = zeros({}, {.dtype = i64});
  amp_update_scale_(scale, tracker, zeros({}), {.growth_interval = 1});
  EXPECT_EQ(scale.item(), large);
  EXPECT_EQ(tracker.item(), 0);
}

TEST(AmpUpdateScale, RefusesARuleThatMakesNoSense) {
  const Tensor scale = ones({}), tracker = zeros({}, {.dtype = i64}), found_inf = zeros({});
  EXPECT_EQ(
      error_of<ValueError>([&] { amp_update_scale_(scale, tracker, found_inf, {.growth_interval = 0}); }),
      "[amp_update_scale_] expected a growth_factor of 1 or more, a backoff_factor in (0, 1] and a "
      "growth_interval of 1 or more, got 2, 0.5 and 0");
  for (const AmpScaleRule rule : {AmpScaleRule{.growth_factor = 0.5}, AmpScaleRule{.backoff_factor = 0},
                                  AmpScaleRule{.backoff_factor = 2}, AmpScaleRule{.growth_factor = INFINITY}})
    EXPECT_THROW(amp_update_scale_(scale, tracker, found_inf, rule), ValueError);
  EXPECT_THROW(amp_update_scale_(scale, ones({}), found_inf), DTypeError);
}

}  // namespace
}  // namespace fornax::test
