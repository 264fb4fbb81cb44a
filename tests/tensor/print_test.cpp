#include "fornax/tensor/print.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "fornax/ops/create.h"

namespace fornax {
namespace {

TEST(Print, LinesNumbersUpInRows) {
  EXPECT_EQ(to_string(tensor<float>({1, -2.5, 0, 3}, {2, 2})),
            "tensor([[ 1.0000, -2.5000],\n"
            "        [ 0.0000,  3.0000]], f32[2,2]@cpu)");
}

TEST(Print, WritesWholeNumbersShort) {
  EXPECT_EQ(to_string(tensor<double>({1, 200, -3})), "tensor([  1., 200.,  -3.], f64[3]@cpu)");
  EXPECT_EQ(to_string(tensor<std::int64_t>({1, -20})), "tensor([  1, -20], i64[2]@cpu)");
  EXPECT_EQ(to_string(tensor<std::int64_t>({std::numeric_limits<std::int64_t>::max()})),
            "tensor([9223372036854775807], i64[1]@cpu)");
  EXPECT_EQ(to_string(tensor<bool>({true, false})), "tensor([ true, false], bool[2]@cpu)");
}

TEST(Print, GoesScientificWhereNumbersAreFarApart) {
  EXPECT_EQ(to_string(tensor<float>({0.5, 2048.25})), "tensor([5.0000e-01, 2.0482e+03], f32[2]@cpu)");
  EXPECT_EQ(to_string(tensor<float>({0.00001f})), "tensor([1.0000e-05], f32[1]@cpu)");
  EXPECT_EQ(to_string(tensor<double>({3e9})), "tensor([3.0000e+09], f64[1]@cpu)");
}

TEST(Print, ShowsWhatIsNotFinite) {
  EXPECT_EQ(to_string(tensor<float>({NAN, INFINITY, -INFINITY, 1.5})),
            "tensor([   nan,    inf,   -inf, 1.5000], f32[4]@cpu)");
}

TEST(Print, HandlesScalarsEmptyAndUndefinedTensors) {
  EXPECT_EQ(to_string(full({}, 2.5)), "tensor(2.5000, f32[]@cpu)");
  EXPECT_EQ(to_string(zeros({0})), "tensor([], f32[0]@cpu)");
  EXPECT_EQ(to_string(zeros({2, 0})), "tensor([[],\n        []], f32[2,0]@cpu)");
  EXPECT_EQ(to_string(Tensor()), "tensor(undefined)");
}

TEST(Print, FollowsTheLogicalOrderOfViews) {
  EXPECT_EQ(to_string(tensor<std::int32_t>({1, 2, 3, 4}, {2, 2}).mT()),
            "tensor([[1, 3],\n        [2, 4]], i32[2,2]strides[1,2]@cpu)");
}

TEST(Print, SeparatesMatricesByAnEmptyLine) {
  EXPECT_EQ(to_string(arange(4).view({2, 1, 2})), "tensor([[[0, 1]],\n\n        [[2, 3]]], i64[2,1,2]@cpu)");
}

TEST(Print, LeavesOutTheMiddleOfLargeTensors) {
  EXPECT_EQ(to_string(arange(2000)), "tensor([   0,    1,    2, ..., 1997, 1998, 1999], i64[2000]@cpu)");
  EXPECT_EQ(to_string(arange(12).view({4, 3}), {.threshold = 10, .edge_items = 1}),
            "tensor([[ 0, ...,  2],\n        ...,\n        [ 9, ..., 11]], i64[4,3]@cpu)");
}

TEST(Print, BreaksLongRows) {
  EXPECT_EQ(to_string(arange(5), {.line_width = 17}), "tensor([0, 1, 2,\n        3, 4], i64[5]@cpu)");
}

TEST(Print, WritesWithThePrecisionAskedForAndToStreams) {
  EXPECT_EQ(to_string(tensor<double>({0.125}), {.precision = 2}), "tensor([0.12], f64[1]@cpu)");
  std::ostringstream out;
  out << tensor<float>({1});
  EXPECT_EQ(out.str(), "tensor([1.], f32[1]@cpu)");
}

}  // namespace
}  // namespace fornax
