#include "fornax/ops/conv2d.h"

#include <gtest/gtest.h>

#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "support/error_of.h"

namespace fornax::test {
namespace {

TEST(Conv2d, NamesTheShapesThatDoNotFit) {
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d(zeros({3, 8, 8}), zeros({4, 3, 3, 3}));
            }),
            "[conv2d] expected x[N,C,H,W] and weight[O,C/groups,kh,kw], got [3,8,8] and [4,3,3,3]; "
            "x=f32[3,8,8]@cpu weight=f32[4,3,3,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d(zeros({1, 3, 8, 8}), zeros({4, 2, 3, 3}));
            }),
            "[conv2d] expected channels and weight to fit 1 groups, got x [1,3,8,8] and weight [4,2,3,3]; "
            "x=f32[1,3,8,8]@cpu weight=f32[4,2,3,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d(zeros({1, 4, 8, 8}), zeros({3, 2, 3, 3}), {}, {.groups = 2});
            }),
            "[conv2d] expected channels and weight to fit 2 groups, got x [1,4,8,8] and weight [3,2,3,3]; "
            "x=f32[1,4,8,8]@cpu weight=f32[3,2,3,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}), zeros({3}));
            }),
            "[conv2d] expected bias of shape [4], got [3]; x=f32[1,3,8,8]@cpu weight=f32[4,3,3,3]@cpu "
            "bias=f32[3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d(zeros({1, 3, 4, 8}), zeros({4, 3, 7, 3}), {}, {.padding = 1});
            }),
            "[conv2d] expected a kernel that fits the padded images, got x [1,3,4,8], weight [4,3,7,3], "
            "padding 1x1, dilation 1x1; x=f32[1,3,4,8]@cpu weight=f32[4,3,7,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d_grad_input(zeros({1, 4, 8, 8}), zeros({4, 3, 3, 3}), {1, 3, 8, 8});
            }),
            "[conv2d_grad_input] expected dy of shape [1,4,6,6], got [1,4,8,8]; dy=f32[1,4,8,8]@cpu "
            "weight=f32[4,3,3,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([] {
              conv2d_grad_weight(zeros({1, 4, 8, 8}), zeros({1, 3, 8, 8}), {4, 3, 3, 3});
            }),
            "[conv2d_grad_weight] expected dy of shape [1,4,6,6], got [1,4,8,8]; dy=f32[1,4,8,8]@cpu "
            "x=f32[1,3,8,8]@cpu");
}

TEST(Conv2d, RefusesParametersThatMakeNoSense) {
  const Tensor x = zeros({1, 3, 8, 8}), w = zeros({4, 3, 3, 3});
  EXPECT_EQ(error_of<ValueError>([&] {
              conv2d(x, w, {}, {.stride = {1, 0}});
            }),
            "[conv2d] expected a stride of at least 1, got 1x0; x=f32[1,3,8,8]@cpu weight=f32[4,3,3,3]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { conv2d(x, w, {}, {.padding = -1}); }),
            "[conv2d] expected padding of at least 0, got -1x-1; x=f32[1,3,8,8]@cpu weight=f32[4,3,3,3]@cpu");
  EXPECT_EQ(
      error_of<ValueError>([&] { conv2d(x, w, {}, {.dilation = 0}); }),
      "[conv2d] expected a dilation of at least 1, got 0x0; x=f32[1,3,8,8]@cpu weight=f32[4,3,3,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] { conv2d(x, w, {}, {.groups = 0}); }),
            "[conv2d] expected channels and weight to fit 0 groups, got x [1,3,8,8] and weight [4,3,3,3]; "
            "x=f32[1,3,8,8]@cpu weight=f32[4,3,3,3]@cpu");
}

TEST(Conv2d, NeverCastsSilently) {
  EXPECT_EQ(
      error_of<DTypeError>([] {
        conv2d(zeros({1, 3, 8, 8}), zeros({4, 3, 3, 3}, {.dtype = f16}));
      }),
      "[conv2d] expected operands of one dtype, got f32 and f16; x=f32[1,3,8,8]@cpu weight=f16[4,3,3,3]@cpu");
}

TEST(Conv2d, RunsIn16BitsUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, f16);
  EXPECT_EQ(conv2d(ones({1, 3, 8, 8}), ones({4, 3, 3, 3}), ones({4})).dtype(), f16);
}

TEST(Conv2d, TakesOverChannelsLastFromImagesOrWeight) {
  const Tensor x = zeros({2, 3, 8, 8}), w = zeros({4, 3, 3, 3});
  const auto last = MemoryFormat::channels_last;
  EXPECT_EQ(conv2d(x, w).suggested_format(), MemoryFormat::contiguous);
  EXPECT_EQ(conv2d(x.to(last), w).suggested_format(), last);
  EXPECT_EQ(conv2d(x, w.to(last)).suggested_format(), last);
  Tensor weight = w.to(last);
  weight.set_requires_grad();
  const Tensor y = conv2d(x, weight);
  y.backward(ones_like(y));
  EXPECT_EQ(weight.grad().suggested_format(), last);
}

TEST(Conv2d, RefusesWhatCannotFollowIt) {
  const Tensor x = zeros({1, 3, 8, 8}), w = zeros({4, 3, 3, 3});
  EXPECT_EQ(error_of<ShapeError>([&] {
              conv2d_act(x, w, {}, {}, {.residual = zeros({1, 4, 1, 1})});  // it would broadcast
            }),
            "[conv2d] expected residual of shape [1,4,6,6], got [1,4,1,1]; x=f32[1,3,8,8]@cpu "
            "weight=f32[4,3,3,3]@cpu residual=f32[1,4,1,1]@cpu");
  EXPECT_EQ(error_of<ValueError>([&] { conv2d_act(x, w, {}, {}, {.activation = Activation::gelu_tanh}); }),
            "[conv2d] expected no activation or relu, got gelu_tanh, which linear alone has");
  EXPECT_EQ(error_of<ShapeError>([&] {
              conv2d_with_statistics(zeros({0, 3, 8, 8}), w);
            }),
            "[conv2d] expected values to take the statistics of, got x=f32[0,3,8,8]@cpu "
            "weight=f32[4,3,3,3]@cpu");
}

}  // namespace
}  // namespace fornax::test
