#include "fornax/ops/matmul.h"

#include <gtest/gtest.h>

#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/linear.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

TEST(Matmul, NamesTheOperandsThatDoNotFit) {
  EXPECT_EQ(
      error_of<ShapeError>([] {
        matmul(zeros({2, 3}), zeros({4, 5}));
      }),
      "[matmul] expected a[...,m,k] and b[...,k,n], got [2,3] and [4,5]; a=f32[2,3]@cpu b=f32[4,5]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              matmul(zeros({}), zeros({4, 5}));
            }),
            "[matmul] expected a[...,m,k] and b[...,k,n], got [] and [4,5]; a=f32[]@cpu b=f32[4,5]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              matmul(zeros({3, 2, 4}), zeros({2, 4, 5}));
            }),
            "[matmul] expected shapes that broadcast, got [3] and [2]; a=f32[3,2,4]@cpu b=f32[2,4,5]@cpu");
}

TEST(Matmul, NeverCastsSilently) {
  EXPECT_EQ(error_of<DTypeError>([] {
              matmul(zeros({2, 3}), zeros({3, 5}, {.dtype = f64}));
            }),
            "[matmul] expected operands of one dtype, got f32 and f64; a=f32[2,3]@cpu b=f64[3,5]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] {
              matmul(zeros({2, 3}, {.dtype = i64}), zeros({3, 5}, {.dtype = i64}));
            }),
            "[matmul] expected floating operands, got i64; a=i64[2,3]@cpu b=i64[3,5]@cpu");
}

TEST(Matmul, RunsIn16BitsUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  EXPECT_EQ(matmul(ones({2, 3}), ones({3, 5})).dtype(), bf16);
  EXPECT_EQ(linear(ones({2, 3}), ones({5, 3}), ones({5})).dtype(), bf16);
  EXPECT_EQ(matmul(ones({2, 3}, {.dtype = f64}), ones({3, 5}, {.dtype = f64})).dtype(), f64);
}

TEST(Matmul, SumsSixteenBitTypesInSinglePrecision) {
  // 4096 ones: bf16 itself cannot count beyond 256.
  EXPECT_EQ(matmul(ones({4096}, {.dtype = bf16}), ones({4096}, {.dtype = bf16})).item(), 4096);
}

TEST(Linear, NamesTheOperandsThatDoNotFit) {
  EXPECT_EQ(
      error_of<ShapeError>([] {
        linear(zeros({2, 3}), zeros({5, 4}));
      }),
      "[linear] expected x[...,in], weight[out,in] and bias[out], got x=f32[2,3]@cpu weight=f32[5,4]@cpu");
  EXPECT_EQ(
      error_of<ShapeError>([] {
        linear(zeros({2, 3}), zeros({5, 3}), zeros({3}));
      }),
      "[linear] expected x[...,in], weight[out,in] and bias[out], got x=f32[2,3]@cpu weight=f32[5,3]@cpu "
      "bias=f32[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] {
              linear(zeros({2, 3}), zeros({5, 3}), zeros({5}, {.dtype = f64}));
            }),
            "[linear] expected operands of one dtype, got f32 and f64; x=f32[2,3]@cpu weight=f32[5,3]@cpu "
            "bias=f64[5]@cpu");
}

}  // namespace
}  // namespace fornax::test
