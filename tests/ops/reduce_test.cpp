#include "fornax/ops/reduce.h"

#include <gtest/gtest.h>

#include <cmath>

#include "fornax/base/error.h"
#include "fornax/base/parallel.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::error_of;
using test::hashed;

/// Restores the number of threads.
struct Threads {
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

TEST(Sum, HasTheSameBitsForAnyNumberOfThreads) {
  const Threads restore;
  const Tensor flat = hashed({300'000}, 1).to(f32), wide = hashed({700, 600}, 2).to(f32);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    std::vector<float> bits;
    for (const Tensor& y : {sum(flat), sum(wide, {0}), sum(wide, {1})})
      for (const float value : y.to_vector<float>()) bits.push_back(value);
    results.push_back(bits);
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(Sum, OfAMillionFloatsStaysAccurate) {  // adding one after the other gives 100958.3
  const Tensor x = full({1'000'003}, 0.1f);
  const double right = 1'000'003 * double(0.1f);
  EXPECT_NEAR(sum(x).item(), right, 0.2);
  EXPECT_NEAR(sum(x.view({1'000'003, 1}).expand({1'000'003, 2}), {0}).to_vector<float>()[1], right, 0.2);
}

TEST(Sum, OfHalfPrecisionDoesNotOverflowOnTheWay) {
  Tensor x = full({4096}, 1000, {.dtype = f16});
  x.slice(0, 0, 4096, 2).fill_(-1000);
  EXPECT_EQ(sum(x).item(), 0);
}

TEST(Sum, SendsBackAViewThatRepeatsTheGradient) {
  Tensor x = full({4, 3}, 1).set_requires_grad();
  Tensor h = x.clone(), dh;
  h.register_hook([&](const Tensor& dy) {
    dh = dy;
    return Tensor();
  });
  sum(h).backward();
  EXPECT_EQ(dh.strides(), (Strides{0, 0}));
  EXPECT_EQ(x.grad().to_vector<float>(), std::vector<float>(12, 1.f));
}

TEST(Sum, OfIntegersCountsIn64Bits) {
  EXPECT_EQ(sum(full({3}, 2'000'000'000, {.dtype = i32})).item<std::int64_t>(), 6'000'000'000);
  EXPECT_EQ(sum(full({300}, 255, {.dtype = u8})).dtype(), i64);
}

TEST(Sum, RunsInFloatUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  Tensor x = full({1000}, 1, {.dtype = bf16}).set_requires_grad();
  const Tensor y = sum(x);
  EXPECT_EQ(y.dtype(), f32);
  EXPECT_EQ(y.item(), 1000);
  y.backward();
  EXPECT_EQ(x.grad().dtype(), bf16);
}

TEST(Sum, NamesTheAxisThatIsWrong) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of<IndexError>([&] { sum(x, {2}); }), "[sum] expected an axis from -2 to 1, got 2");
  EXPECT_EQ(error_of<ShapeError>([&] {
              sum(x, {1, -1});
            }),
            "[sum] expected each axis once, got [1,-1]; x=f32[2,3]@cpu");
}

}  // namespace
}  // namespace fornax
