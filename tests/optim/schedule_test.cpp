#include "fornax/optim/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numbers>

#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::optim {
namespace {

using test::error_of;
using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;

// Has rates and takes no steps.
struct Rated final : Optimizer {
  Rated(std::initializer_list<Rates> groups) : Optimizer(std::vector<Memory>{}), rates(groups) {
    for (std::size_t i = 0; i < groups.size(); ++i) append_group({});
  }
  void update(const Tensor&) override {}
  std::vector<Number> numbers(std::size_t group) override {
    if (!rates[group].momentum) rates[group].momentum = 0;
    return {{"lr", &rates[group].lr}, {"momentum", &*rates[group].momentum}};
  }
  std::vector<Rates> rates;
};

std::vector<double> lrs(const Schedule& schedule, std::int64_t count, double base_lr) {
  std::vector<double> values;
  for (std::int64_t step = 0; step < count; ++step) values.push_back(schedule(step, base_lr).lr);
  return values;
}

TEST(StepLR, MultipliesEveryFewSteps) {
  EXPECT_THAT(lrs(StepLR{.step_size = 2, .gamma = 0.5}, 6, 8), ElementsAre(8, 8, 4, 4, 2, 2));
}

TEST(CosineAnnealingLR, GoesDownHalfACosineToItsFloor) {
  const double quarter = 1 + 4 * (1 + 1 / std::numbers::sqrt2) / 2;
  EXPECT_THAT(lrs(CosineAnnealingLR{.T_max = 4, .eta_min = 1}, 5, 5),
              ElementsAre(DoubleEq(5), DoubleEq(quarter), DoubleEq(3), DoubleEq(6 - quarter), DoubleEq(1)));
}

TEST(LinearLR, WarmsUpAndStays) {
  EXPECT_THAT(lrs(LinearLR{.start_factor = 0.5, .total_iters = 2}, 4, 4), ElementsAre(2, 3, 4, 4));
}

TEST(OneCycleLR, RisesToItsPeakAndFallsFarBelowItsStart) {
  // Peak at step 0.4 * 11 - 1 = 3.4, end at step 10; half-way down at 6.7.
  const OneCycleLR cycle{.max_lr = 2.0, .total_steps = 11, .pct_start = 4.0 / 11, .div_factor = 10};
  EXPECT_THAT(cycle(0, 7).lr, DoubleEq(0.2));
  EXPECT_THAT(cycle(3, 7).lr, DoubleEq(2));
  EXPECT_THAT(cycle(10, 7).lr, DoubleNear(2e-5, 1e-12));
  EXPECT_THAT(cycle(11, 7).lr, DoubleNear(2e-5, 1e-12)) << "it stays at its end";
}

TEST(OneCycleLR, CyclesMomentumTheOtherWay) {
  const OneCycleLR cycle{.total_steps = 10, .pct_start = 0.5, .anneal_strategy = OneCycleLR::Anneal::linear};
  EXPECT_THAT(*cycle(0, 1).momentum, DoubleEq(0.95));
  EXPECT_THAT(*cycle(2, 1).momentum, DoubleEq(0.90));
  EXPECT_THAT(*cycle(4, 1).momentum, DoubleEq(0.85));
  EXPECT_THAT(*cycle(9, 1).momentum, DoubleEq(0.95));
  EXPECT_THAT(cycle(2, 1).lr, DoubleEq((1 + 1 / 25.0) / 2)) << "the group's own rate is the peak";
  EXPECT_FALSE((OneCycleLR{.total_steps = 10, .cycle_momentum = false}(0, 1).momentum));
}

TEST(OneCycleLR, InThreePhasesComesBackToItsStartFirst) {
  const OneCycleLR cycle{.total_steps = 20,
                         .pct_start = 0.3,
                         .anneal_strategy = OneCycleLR::Anneal::linear,
                         .div_factor = 4,
                         .final_div_factor = 10,
                         .three_phase = true};
  EXPECT_THAT(cycle(5, 1).lr, DoubleEq(1));
  EXPECT_THAT(cycle(10, 1).lr, DoubleEq(0.25));
  EXPECT_THAT(cycle(19, 1).lr, DoubleEq(0.025));
  EXPECT_THAT(*cycle(15, 1).momentum, DoubleEq(0.95));
}

TEST(Sequential, StartsEachScheduleAtItsOwnStepZero) {
  const Schedule schedule = sequential(
      {LinearLR{.start_factor = 0.5, .total_iters = 2}, StepLR{.step_size = 2, .gamma = 0.5}}, {2});
  EXPECT_THAT(lrs(schedule, 6, 4), ElementsAre(2, 3, 4, 4, 2, 2));
}

TEST(Schedules, SayWhichOptionMakesNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { StepLR{.step_size = 0}(0, 1); }),
            "[step_lr] expected step_size of 1 or more, got 0");
  EXPECT_EQ(error_of<ValueError>([] { CosineAnnealingLR{.T_max = -1}(0, 1); }),
            "[cosine_annealing_lr] expected T_max of 1 or more, got -1");
  EXPECT_EQ(error_of<ValueError>([] { LinearLR{.total_iters = 0}(0, 1); }),
            "[linear_lr] expected total_iters of 1 or more, got 0");
  EXPECT_EQ(error_of<ValueError>([] { OneCycleLR{.total_steps = 5, .pct_start = 2}(0, 1); }),
            "[one_cycle_lr] expected pct_start from 0 to 1, got 2");
  EXPECT_EQ(error_of<ValueError>([] { sequential({StepLR{}}, {3}); }),
            "[sequential] expected a schedule more than milestones, got 1 and 1");
  EXPECT_EQ(error_of<ValueError>([] {
              sequential({StepLR{}, StepLR{}, StepLR{}}, {3, 2});
            }),
            "[sequential] expected milestones that ascend, got 2 after 3");
}

TEST(Scheduler, SetsTheRatesOfEachGroupFromItsOwnBase) {
  Rated optimizer{{8}, {2}};
  Scheduler schedule(optimizer, StepLR{.step_size = 2, .gamma = 0.5});
  EXPECT_EQ(optimizer.lr(0), 8);
  schedule.step();
  schedule.step();
  EXPECT_EQ(optimizer.lr(0), 4);
  EXPECT_EQ(optimizer.lr(1), 1);
  EXPECT_EQ(schedule.step_count(), 2);
}

TEST(Scheduler, TakesAnyFunctionOfTheStep) {
  Rated optimizer{{1}};
  Scheduler schedule(optimizer, [](std::int64_t step, double base_lr) {
    return Rates{base_lr / static_cast<double>(1 + step)};
  });
  schedule.step();
  EXPECT_EQ(optimizer.lr(), 0.5);
}

TEST(Scheduler, CyclesMomentumOnlyWhereThereIsOne) {
  Rated with{{1, 0.9}}, without{{1}};
  const OneCycleLR cycle{.total_steps = 10};
  Scheduler schedule(with, cycle);
  EXPECT_EQ(with.momentum(), 0.95);
  EXPECT_EQ(error_of<ValueError>([&] { Scheduler(without, cycle); }),
            "[optimizer] expected momentum in group 0, got none to set");
}

TEST(Scheduler, GoesOnWhereAnotherOneStopped) {
  const Schedule shape = CosineAnnealingLR{.T_max = 10};
  Rated first{{8}}, second{{3}};
  Scheduler stopped(first, shape), resumed(second, shape);
  for (int i = 0; i < 4; ++i) stopped.step();
  resumed.load_state(stopped.state().clone());
  EXPECT_EQ(second.lr(), first.lr());
  stopped.step();
  resumed.step();
  EXPECT_EQ(second.lr(), first.lr());
}

TEST(Scheduler, RefusesTheStateOfOtherGroups) {
  Rated one{{1}}, two{{1}, {2}};
  Scheduler of_one(one, StepLR{}), of_two(two, StepLR{});
  EXPECT_EQ(error_of<ValueError>([&] { of_one.load_state(of_two.state()); }),
            "[scheduler] expected the state of 1 groups, got 3 entries");
}

}  // namespace
}  // namespace fornax::optim
