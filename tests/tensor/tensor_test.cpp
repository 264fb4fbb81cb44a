#include "fornax/tensor/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"

namespace fornax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

Tensor counting(const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.product()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  return from_span<float>(values, shape);
}

TEST(Tensor, HoldsEveryDtypeAndGivesTheValuesBack) {
  EXPECT_THAT(tensor<double>({1.5, 2}).to_vector<double>(), ElementsAre(1.5, 2));
  EXPECT_THAT(tensor<std::int64_t>({1, -2}).to_vector<std::int64_t>(), ElementsAre(1, -2));
  EXPECT_THAT(tensor<std::uint8_t>({255}).to_vector<std::uint8_t>(), ElementsAre(255));
  EXPECT_THAT(tensor<bool>({true, false}).to_vector<bool>(), ElementsAre(true, false));
  EXPECT_EQ(full({}, 0.5, {.dtype = f16}).item(), 0.5);
  EXPECT_EQ(full({}, 0.5, {.dtype = bf16}).item(), 0.5);
  EXPECT_EQ(full({}, std::int64_t{1} << 60, {.dtype = i64}).item<std::int64_t>(), std::int64_t{1} << 60);
}

TEST(Tensor, MessagesNameWhatWasExpectedAndWhatCame) {
  EXPECT_EQ(message_of<ShapeError>([] {
              from_span<float>(std::vector<float>(3), {2, 2});
            }),
            "[from_span] expected 4 values for [2,2], got 3");
  EXPECT_EQ(message_of<DTypeError>([] { counting({2}).data<double>(); }),
            "[data] expected f64, got f32[2]@cpu");
  EXPECT_EQ(message_of<ShapeError>([] { counting({2}).item(); }),
            "[item] expected one element, got f32[2]@cpu");
  EXPECT_EQ(message_of<ValueError>([] { Tensor().shape(); }),
            "[tensor] expected a tensor, got an undefined one");
  EXPECT_EQ(message_of<ShapeError>([] {
              empty({2, -1});
            }),
            "[empty] expected sizes of 0 or more, got [2,-1]");
  EXPECT_THAT(message_of<ShapeError>([] {
                empty({1 << 30, 1 << 30, 1 << 30});
              }),
              HasSubstr("fits in memory"));
  // Its strides, in which a size of 0 counts as 1, could not be told either.
  EXPECT_THAT(message_of<ShapeError>([] {
                empty({0, 1 << 30, 1 << 30, 1 << 30});
              }),
              HasSubstr("fits in memory"));
  EXPECT_THAT(message_of<DeviceError>([] { empty({1}, {.device = Device::cuda(0)}); }),
              HasSubstr("a build with CUDA"));
}

TEST(Tensor, BorrowsHostMemoryAndReleasesItWithTheLastView) {
  std::vector<float> memory{1, 2, 3, 4};
  int released = 0;
  Tensor view;
  {
    const Tensor whole = from_blob(memory.data(), {2, 2}, [&] { ++released; });
    view = whole.select(0, 1);
  }
  view.fill_(9);
  EXPECT_EQ(released, 0);
  view = {};
  EXPECT_EQ(released, 1);
  EXPECT_THAT(memory, ElementsAre(1, 2, 9, 9));
}

TEST(Views, ShareMemoryAndVersion) {
  const Tensor x = counting({2, 3, 4});
  Tensor row = x.select(1, 2).narrow(1, 1, 2);
  EXPECT_THAT(row.to_vector<float>(), ElementsAre(9, 10, 21, 22));
  row.fill_(0);
  EXPECT_EQ(x.version(), 1u);
  EXPECT_EQ(x[1][2][2].item(), 0);
}

TEST(Views, ReshapeIsAViewWhereStridesAllowItAndACopyElsewhere) {
  const Tensor x = counting({2, 3, 4});
  EXPECT_EQ(x.view({6, -1}).shape(), (Shape{6, 4}));
  EXPECT_EQ(x.transpose(0, 1).view({3, 2, 2, 2}).strides(), (Strides{4, 12, 2, 1}));
  EXPECT_THAT(message_of<ShapeError>([&] { x.transpose(0, 1).view({6, 4}); }), HasSubstr("use reshape()"));
  EXPECT_THAT(x.transpose(1, 2).reshape({24}).narrow(0, 0, 4).to_vector<float>(), ElementsAre(0, 4, 8, 1));
  EXPECT_EQ(message_of<ShapeError>([&] {
              x.view({5, -1});
            }),
            "[view] expected a shape of 24 elements, got [5,4]; x=f32[2,3,4]@cpu");
  EXPECT_EQ(x.narrow(0, 0, 1).view({3, 4}).shape(), (Shape{3, 4}));
  EXPECT_EQ(zeros({0, 3}).view({3, 0}).shape(), (Shape{3, 0}));
  EXPECT_EQ(full({}, 3).view({1, 1}).item(), 3);
}

TEST(Tensor, CopiesItsElementsToMemoryOfTheCaller) {
  std::vector<float> out(6);
  counting({3, 2}).copy_to<float>(out);
  EXPECT_THAT(out, ElementsAre(0, 1, 2, 3, 4, 5));
  counting({3, 2}).transpose(0, 1).copy_to(std::span(out));
  EXPECT_THAT(out, ElementsAre(0, 2, 4, 1, 3, 5));
  EXPECT_EQ(message_of<ShapeError>([&] { counting({5}).copy_to<float>(out); }),
            "[copy_to] expected room for 5 elements, got 6; x=f32[5]@cpu");
  EXPECT_EQ(message_of<DTypeError>([&] { zeros({6}, {.dtype = f64}).copy_to<float>(out); }),
            "[copy_to] expected f32, got f64[6]@cpu");
}

TEST(Views, SqueezeDropsAxesOfSize1) {
  const Tensor x = counting({1, 2, 1, 3});
  EXPECT_EQ(x.squeeze().shape(), (Shape{2, 3}));
  EXPECT_EQ(x.squeeze(2).shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(full({1, 1}, 2).squeeze().item(), 2);
  EXPECT_EQ(x.transpose(1, 3).squeeze().strides(), (Strides{1, 3}));
}

TEST(Views, FlattenMergesAxes) {
  const Tensor x = counting({2, 3, 4});
  EXPECT_EQ(x.flatten().shape(), (Shape{24}));
  EXPECT_EQ(x.flatten(1).shape(), (Shape{2, 12}));
  EXPECT_EQ(x.flatten(0, 1).shape(), (Shape{6, 4}));
  EXPECT_EQ(full({}, 1).flatten().shape(), (Shape{1}));
}

TEST(Views, SliceFollowsPython) {
  const Tensor x = counting({10});
  EXPECT_THAT(x.slice(0, 1, 8, 3).to_vector<float>(), ElementsAre(1, 4, 7));
  EXPECT_THAT(x.slice(0, -3, 100).to_vector<float>(), ElementsAre(7, 8, 9));
  EXPECT_EQ(x.slice(0, 5, 2).numel(), 0);
  EXPECT_THROW(x.slice(0, 0, 1, 0), ValueError);
}

TEST(Views, IndicesOutOfRangeAreNamed) {
  const Tensor x = counting({2, 3});
  EXPECT_EQ(message_of<IndexError>([&] { x.select(1, 3); }),
            "[select] expected an index from -3 to 2 of axis 1, got 3; x=f32[2,3]@cpu");
  EXPECT_EQ(message_of<IndexError>([&] { x.narrow(1, 2, 2); }),
            "[narrow] expected a range within [0, 3) of axis 1, got start 2 and length 2; x=f32[2,3]@cpu");
  EXPECT_THROW(x.narrow(1, -1, 1), IndexError);
  EXPECT_THROW(x.narrow(2, 0, 1), IndexError);
  EXPECT_THROW(x.squeeze(0), ShapeError);
  EXPECT_THROW(x.permute({0, 0}), ShapeError);
  EXPECT_THROW(x.permute({0}), ShapeError);
}

TEST(Views, ExpandRepeatsWithoutCopying) {
  const Tensor x = counting({3, 1}).expand({2, -1, 2});
  EXPECT_EQ(x.strides(), (Strides{0, 1, 0}));
  EXPECT_THAT(x.to_vector<float>(), ElementsAre(0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2));
  EXPECT_THROW(counting({3}).expand({2}), ShapeError);
}

TEST(Formats, ChannelsLastIsAStridePatternThatCopiesKeep) {
  const Tensor x = counting({2, 3, 2, 2});
  const Tensor y = x.to(MemoryFormat::channels_last);
  EXPECT_TRUE(y.is_contiguous(MemoryFormat::channels_last));
  EXPECT_EQ(y.to_vector<float>(), x.to_vector<float>());
  EXPECT_EQ(y.clone().strides(), y.strides());
  EXPECT_EQ(y.to(f64).strides(), y.strides());
  EXPECT_EQ(empty_like(y).strides(), y.strides());
  EXPECT_TRUE(y.contiguous().is_contiguous());
  EXPECT_THROW(counting({2, 3}).to(MemoryFormat::channels_last), ShapeError);
}

TEST(Copies, ToIsTheSameTensorWhereNothingChanges) {
  const Tensor x = counting({2});
  EXPECT_TRUE(x.to(f32).is(x));
  EXPECT_TRUE(x.to(Device::cpu()).is(x));
  EXPECT_TRUE(x.contiguous().is(x));
  EXPECT_FALSE(x.clone().is(x));
}

TEST(Copies, CopyInPlaceBroadcastsAndCasts) {
  Tensor x = zeros({2, 3});
  x.copy_(tensor<std::int64_t>({1, 2, 3}));
  EXPECT_THAT(x.to_vector<float>(), ElementsAre(1, 2, 3, 1, 2, 3));
  EXPECT_EQ(
      message_of<ShapeError>([&] {
        x.copy_(zeros({2, 2}));
      }),
      "[copy_] expected shapes that broadcast, got [2,3] and [2,2]; x=f32[2,3]@cpu source=f32[2,2]@cpu");
  EXPECT_EQ(message_of<ShapeError>([&] {
              x.copy_(zeros({2, 2, 3}));
            }),
            "[copy_] expected a source that broadcasts to f32[2,3]@cpu, got f32[2,2,3]@cpu");
}

TEST(Copies, GradientsFlowThroughCastsAndCopies) {
  Tensor x = tensor<double>({1, 2}).set_requires_grad();
  Tensor y = zeros({2, 2});
  y.copy_(x);
  y.backward(ones({2, 2}));
  EXPECT_EQ(x.grad().dtype(), f64);
  EXPECT_THAT(x.grad().to_vector<double>(), ElementsAre(2, 2));
}

}  // namespace
}  // namespace fornax
