#include "fornax/ops/layer_norm.h"

#include <gtest/gtest.h>

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

TEST(LayerNorm, HasTheSameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    std::vector<Tensor> inputs = {hashed({3000, 50}, 1).to(f32), hashed({50}, 2).to(f32),
                                  hashed({50}, 3).to(f32)};
    for (Tensor& input : inputs) input.set_requires_grad();
    layer_norm(inputs[0], {50}, inputs[1], inputs[2]).backward(hashed({3000, 50}, 4).to(f32));
    results.emplace_back();
    for (const Tensor& input : inputs)
      for (const float value : input.grad().to_vector<float>()) results.back().push_back(value);
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
}

TEST(LayerNorm, RunsInFloatUnderAutocast) {
  const amp::Autocast autocast(DeviceType::cpu, bf16);
  EXPECT_EQ(layer_norm(ones({2, 3}, {.dtype = bf16}), {3}, ones({3})).dtype(), f32);
}

TEST(LayerNorm, SaysWhatDoesNotFit) {
  const Tensor x = zeros({2, 3});
  EXPECT_EQ(error_of<ShapeError>([&] { layer_norm(x, {2}); }),
            "[layer_norm] expected x[...] that ends in the normalized shape [2], got [2,3]; x=f32[2,3]@cpu");
  EXPECT_EQ(error_of<ShapeError>([&] { layer_norm(x, {3}, zeros({2})); }),
            "[layer_norm] expected weight and bias of the normalized shape [3], got [2]; x=f32[2,3]@cpu "
            "weight=f32[2]@cpu");
  EXPECT_EQ(error_of<DTypeError>([&] { layer_norm(x, {3}, {}, zeros({3}, {.dtype = bf16})); }),
            "[layer_norm] expected weight and bias of x's dtype, or f32 beside 16 bits, got x=f32[2,3]@cpu "
            "bias=bf16[3]@cpu");
  EXPECT_EQ(error_of<DTypeError>([] { layer_norm(zeros({3}, {.dtype = i64}), {3}); }),
            "[layer_norm] expected floating operands, got i64; x=i64[3]@cpu");
}

}  // namespace
}  // namespace fornax
