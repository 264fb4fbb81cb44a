#include "fornax/ops/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <thread>

#include "cpu/isa.h"
#include "fornax/base/parallel.h"
#include "fornax/base/philox.h"
#include "fornax/ops/create.h"
#include "fornax/ops/dropout.h"
#include "fornax/ops/elementwise.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(Random, ElementIDependsOnSeedOffsetAndIAlone) {
  Generator generator(7);
  const GeneratorGuard guard(generator);
  rand({3});  // the first draw
  const std::vector<float> values = rand({1001}).to_vector<float>();
  for (std::uint64_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], uniform_float(philox(7, i / 4, 1)[i % 4])) << i;
}

TEST(Random, GivesTheSameNumbersForAnyThreadsFormatsAndInstructionSets) {
  const Shape shape{3, 5, 111, 101};
  const auto draw = [&](int threads, MemoryFormat format, cpu::Isa isa) {
    const int before = num_threads();
    set_num_threads(threads);
    const cpu::IsaGuard level(isa);
    Generator generator(42);
    const GeneratorGuard guard(generator);
    std::vector<float> all;
    for (const Tensor& x : {rand(shape, {.format = format}), randn(shape, {.format = format}),
                            dropout(ones(shape, {.format = format}), 0.3, true)}) {
      const std::vector<float> some = x.to_vector<float>();
      all.insert(all.end(), some.begin(), some.end());
    }
    set_num_threads(before);
    return all;
  };
  const std::vector<float> want = draw(1, MemoryFormat::contiguous, cpu::Isa::baseline);
  EXPECT_EQ(draw(3, MemoryFormat::contiguous, cpu::best_isa()), want);
  EXPECT_EQ(draw(2, MemoryFormat::channels_last, cpu::best_isa()), want);
}

struct Moments {
  double mean, variance;
};
Moments moments_of(const Tensor& x) {
  const std::vector<double> values = x.to(f64).to_vector<double>();
  const double count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, squares / count};
}

TEST(Random, IsDistributedAsAsked) {
  Generator generator(1);
  const GeneratorGuard guard(generator);
  for (const DType dtype : {f64, f32, f16, bf16}) {
    const Moments uniform = moments_of(rand({200000}, {.dtype = dtype}));
    EXPECT_NEAR(uniform.mean, 0.5, 0.005) << name_of(dtype);
    EXPECT_NEAR(uniform.variance, 1 / 12.0, 0.002) << name_of(dtype);
    Tensor x = empty({200000}, {.dtype = dtype});
    const Moments normal = moments_of(normal_(x, 2, 3));
    EXPECT_NEAR(normal.mean, 2, 0.03) << name_of(dtype);
    EXPECT_NEAR(normal.variance, 9, 0.1) << name_of(dtype);
    EXPECT_NEAR(moments_of(bernoulli_(x, 0.2)).mean, 0.2, 0.005) << name_of(dtype);
    EXPECT_NEAR(moments_of(uniform_(x, -3, -1)).mean, -2, 0.01) << name_of(dtype);
  }
}

TEST(Random, NormalNumbersAreFiniteAndDoNotRepeatInPairs) {
  Generator generator(3);
  const GeneratorGuard guard(generator);
  const std::vector<float> z = randn({4097}).to_vector<float>();
  EXPECT_THAT(z, Each(testing::Truly([](float value) { return std::isfinite(value); })));
  EXPECT_GT((std::set<float>(z.begin(), z.end()).size()), 4080u);
}

TEST(Random, IntegersCoverTheirRangeAndNoMore) {
  Generator generator(5);
  const GeneratorGuard guard(generator);
  std::set<std::int64_t> seen;
  for (const std::int64_t value : randint(-3, 4, {1000}).to_vector<std::int64_t>()) seen.insert(value);
  EXPECT_THAT(seen, ElementsAre(-3, -2, -1, 0, 1, 2, 3));
  const std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                     high = std::numeric_limits<std::int64_t>::max();
  const Moments wide = moments_of(randint(low, high, {100000}).to(f64) / 0x1p63);
  EXPECT_NEAR(wide.mean, 0, 0.01);
  EXPECT_NEAR(wide.variance, 1 / 3.0, 0.01);
}

TEST(Random, PermutationsHoldEachIndexOnce) {
  Generator generator(9);
  const GeneratorGuard guard(generator);
  std::vector<std::int64_t> first = randperm(1000).to_vector<std::int64_t>();
  EXPECT_NE(first, randperm(1000).to_vector<std::int64_t>());
  EXPECT_FALSE(std::is_sorted(first.begin(), first.end()));
  std::sort(first.begin(), first.end());
  for (std::size_t i = 0; i < first.size(); ++i) ASSERT_EQ(first[i], static_cast<std::int64_t>(i));
  EXPECT_EQ(randperm(0).numel(), 0);
}

TEST(Generator, GoesOnWhereItsStateWasTaken) {
  Generator generator(11);
  generator.draw();
  const State state = generator.state();
  const Generator::Draw want = generator.draw();
  Generator other;
  other.load_state(state);
  const Generator::Draw got = other.draw();
  EXPECT_EQ(got.seed, 11u);
  EXPECT_EQ(got.seed, want.seed);
  EXPECT_EQ(got.offset, want.offset);
  other.manual_seed(11);
  EXPECT_EQ(other.draw().offset, 0u);
  EXPECT_THROW(other.load_state(State()), ValueError);
}

TEST(Generator, AGuardHoldsForItsThreadAndScope) {
  Generator &process = default_generator(), mine(1);
  {
    const GeneratorGuard guard(mine);
    EXPECT_EQ(&default_generator(), &mine);
    std::thread([&] { EXPECT_EQ(&default_generator(), &process); }).join();
  }
  EXPECT_EQ(&default_generator(), &process);
}

TEST(Generator, NoTwoThreadsGetTheSameDraw) {
  Generator generator;
  std::vector<std::uint64_t> seen(400);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 100; ++i) seen[100 * t + i] = generator.draw().offset;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((std::set<std::uint64_t>(seen.begin(), seen.end()).size()), 400u);
}

TEST(Random, RefusesWhatMakesNoSense) {
  EXPECT_EQ(error_of<ValueError>([] { randint(2, 2, {3}); }), "[randint] expected low < high, got 2 and 2");
  EXPECT_EQ(error_of<DTypeError>([] { randint(0, 300, {3}, {.dtype = u8}); }),
            "[randint] expected a number that u8 holds (or cast with .to()), got 299; x=u8[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { rand({3}, {.dtype = i64}); }),
            "[rand] expected a floating dtype (cast with .to()), got i64; x=i64[3]@cpu");
  Tensor x = zeros({3});
  EXPECT_EQ(error_of<ValueError>([&] { bernoulli_(x, 1.5); }),
            "[bernoulli_] expected a probability from 0 to 1, got 1.5");
  EXPECT_EQ(error_of<ValueError>([&] { uniform_(x, 1, 0); }), "[uniform_] expected low <= high, got 1 and 0");
  EXPECT_EQ(error_of<ValueError>([&] { normal_(x, 0, -1); }),
            "[normal_] expected a standard deviation of 0 or more, got -1");
  x.set_requires_grad();
  EXPECT_THROW(normal_(x), AutogradError);
}

TEST(Dropout, DrawsTheSameMaskInBackward) {
  Generator generator(2);
  const GeneratorGuard guard(generator);
  Tensor x = full({10000}, 3).set_requires_grad();
  const Tensor y = dropout(x, 0.25, true);
  y.backward(ones({10000}));
  EXPECT_TRUE((eq(y, x.grad() * 3).to_vector<bool>() == std::vector<bool>(10000, true)));
  const Moments moments = moments_of(y);
  EXPECT_NEAR(moments.mean, 3, 0.05);
  EXPECT_FLOAT_EQ(*std::max_element(y.data<float>(), y.data<float>() + 10000), 4);
}

TEST(Dropout, DoesNothingInEvaluationAndDropsAllWithProbabilityOne) {
  const Tensor x = ones({5});
  EXPECT_TRUE(dropout(x, 0.5, false).is(x));
  EXPECT_TRUE(dropout(x, 0, true).is(x));
  EXPECT_THAT(dropout(x / 0, 1, true).to_vector<float>(), Each(0.f));
  EXPECT_EQ(error_of<ValueError>([&] { dropout(x, 2, true); }),
            "[dropout] expected a probability from 0 to 1, got 2; x=f32[5]@cpu");
}

}  // namespace
}  // namespace fornax::test
