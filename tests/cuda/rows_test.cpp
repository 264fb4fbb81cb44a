// What op cases do not hold of reductions, softmax and losses on the device: infinities and NaN, targets that
// are no class, more work than a launch has blocks, and the same bits wherever memory lies.
#include <gtest/gtest.h>

#include <cmath>

#include "cuda/device_test.h"
#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/reduce.h"
#include "fornax/ops/softmax.h"
#include "support/op_case.h"

namespace fornax {
namespace {

using test::hashed;

constexpr float inf = INFINITY;

class CudaRows : public test::DeviceTest {
 protected:
  static Tensor on_cpu(const Tensor& x) { return x.to(Device::cpu()); }
  static std::vector<float> values(const Tensor& x) { return on_cpu(x).to_vector<float>(); }

  /// NaN equals NaN, infinities themselves.
  static void expect_close(const Tensor& got, const Tensor& want, double allowed = 0) {
    const std::vector<double> a = on_cpu(got).to(f64).to_vector<double>(),
                              b = on_cpu(want).to(f64).to_vector<double>();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
      EXPECT_TRUE(both_nan || a[i] == b[i] || std::abs(a[i] - b[i]) <= allowed)
          << i << ": got " << a[i] << ", want " << b[i];
    }
  }
};

TEST_F(CudaRows, ATargetThatIsNoClassMakesItsRowNaN) {
  const Tensor logits = hashed({4, 3}, 1).to(f32), good = tensor<std::int64_t>({1, 0, -100, 2});
  for (const bool log : {false, true}) {
    const auto loss_and_gradient = [&](const Tensor& x_, const Tensor& target, Reduction reduction) {
      Tensor x = x_.detach();
      x.set_requires_grad();
      const Tensor loss = log ? nll_loss(x, target, {.reduction = reduction})
                              : cross_entropy(x, target, {.reduction = reduction});
      loss.backward(ones(loss.shape(), {.device = loss.device()}));
      return std::pair(values(loss), values(x.grad()));
    };
    const auto [want, want_gradient] = loss_and_gradient(logits, good, Reduction::none);
    for (const std::int64_t label : {std::int64_t{3}, std::int64_t{-1}, std::int64_t{1} << 40}) {
      const Tensor bad = tensor<std::int64_t>({1, label, -100, 2}).to(device_);
      const auto [loss, gradient] = loss_and_gradient(logits.to(device_), bad, Reduction::none);
      for (std::size_t row = 0; row < 4; ++row) {
        const bool is_bad = row == 1;
        EXPECT_EQ(std::isnan(loss[row]), is_bad);
        if (!is_bad) {
          EXPECT_NEAR(loss[row], want[row], 1e-6);
        }
        for (std::size_t i = 3 * row; i < 3 * row + 3; ++i) {
          EXPECT_EQ(std::isnan(gradient[i]), is_bad);
          if (!is_bad) {
            EXPECT_NEAR(gradient[i], want_gradient[i], 1e-6);
          }
        }
      }
      EXPECT_TRUE(std::isnan(loss_and_gradient(logits.to(device_), bad, Reduction::mean).first[0]));
    }
  }
}

TEST_F(CudaRows, MoreRowsThanALaunchHasTeamsAreAllCounted) {
  const Tensor x = hashed({8300, 130}, 2, -3, 3).to(f32), target = hashed({8300}, 3, 0, 130).to(i64);
  EXPECT_NEAR(cross_entropy(x.to(device_), target.to(device_)).item(), cross_entropy(x, target).item(), 1e-5);
}

TEST_F(CudaRows, SoftmaxOfInfinitiesAndNaNIsThatOfTheCpu) {
  for (const Shape& shape : {Shape{6, 3}, Shape{3, 6}}) {
    const Tensor x = tensor<float>({1000, 999, -1000, 0, -inf, -inf, -inf, -inf, -inf,  //
                                    inf, 0, 1, NAN, 0, 1, -inf, -inf, 4},
                                   shape);
    for (const int axis : {0, 1}) {
      expect_close(softmax(x.to(device_), axis), softmax(x, axis), 1e-6);
      expect_close(log_softmax(x.to(device_), axis), log_softmax(x, axis), 1e-3);
    }
  }
}

TEST_F(CudaRows, ReductionsOfInfinitiesAndNaNAreThoseOfTheCpu) {
  const Tensor x = tensor<float>({1, -inf, inf, NAN, 2, -inf, 3, 4, -inf, -0.0f, 5, inf}, {3, 4});
  for (const Tensor& here : {x, hashed({3, 5000}, 4).to(f32), hashed({4000, 2}, 5).to(f32)}) {
    Tensor special = here.clone();
    special.slice(0, 0, 1).slice(1, 1, 2).fill_(NAN);
    special.slice(0, 2, 3).slice(1, 0, 1).fill_(-inf);
    const Tensor there = special.to(device_);
    for (const int axis : {0, 1}) {
      expect_close(amax(there, {axis}), amax(special, {axis}));
      expect_close(amin(there, {axis}), amin(special, {axis}));
      expect_close(max(there, axis).values, max(special, axis).values);
      expect_close(max(there, axis).indices, max(special, axis).indices);
      expect_close(argmin(there, axis), argmin(special, axis));
      expect_close(norm(there, INFINITY, {axis}), norm(special, INFINITY, {axis}));
      expect_close(logsumexp(there, {axis}), logsumexp(special, {axis}), 1e-5);
    }
    expect_close(argmax(there), argmax(special));
  }
}

TEST_F(CudaRows, OfEqualElementsTheFirstIsTaken) {
  const Tensor x = zeros({3, 20'000}, {.device = device_}), tall = zeros({9000, 3}, {.device = device_});
  EXPECT_EQ(on_cpu(argmax(x, 1)).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(on_cpu(argmin(tall, 0)).to_vector<std::int64_t>(), (std::vector<std::int64_t>{0, 0, 0}));
  EXPECT_EQ(argmin(x).item(), 0);
}

TEST_F(CudaRows, OverNothingIsTheIdentity) {
  const Tensor x = zeros({0, 3}, {.device = device_});
  EXPECT_EQ(values(sum(x, {0})), (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(values(logsumexp(x, {0})), (std::vector<float>{-inf, -inf, -inf}));
  for (const float value : values(mean(x, {0}))) EXPECT_TRUE(std::isnan(value));
  EXPECT_TRUE(sum(x, {1}).shape() == Shape{0});
  EXPECT_TRUE(std::isnan(cross_entropy(x, zeros({0}, {.dtype = i64, .device = device_})).item()));
}

TEST_F(CudaRows, SumsOfIntegersAreExact) {
  const std::int64_t big = (std::int64_t{1} << 40) + 1;
  EXPECT_EQ(on_cpu(sum(full({5000}, big, {.dtype = i64}).to(device_))).to_vector<std::int64_t>()[0],
            5000 * big);
  EXPECT_EQ(on_cpu(sum(full({5000}, 1 << 30, {.dtype = i32}).to(device_))).to_vector<std::int64_t>()[0],
            5000 * (std::int64_t{1} << 30));
  EXPECT_EQ(on_cpu(sum(full({5000}, 255, {.dtype = u8}).to(device_))).to_vector<std::int64_t>()[0],
            5000 * 255);
}

TEST_F(CudaRows, BitsDoNotDependOnWhereMemoryLies) {
  for (const DType dtype : {f32, f16}) {
    const Tensor dense = hashed({48, 512}, 6).to(dtype).to(device_);
    Tensor shifted =
        zeros({48 * 512 + 1}, {.dtype = dtype, .device = device_}).slice(0, 1, 48 * 512 + 1).view({48, 512});
    shifted.copy_(dense);
    for (const Dims& axes : {Dims{}, Dims{0}, Dims{1}}) expect_close(sum(shifted, axes), sum(dense, axes));
    for (const int axis : {0, 1}) expect_close(softmax(shifted, axis), softmax(dense, axis));
  }
}

}  // namespace
}  // namespace fornax
