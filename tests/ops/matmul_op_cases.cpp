// matmul and linear. The numbers of PyTorch are in tests/goldens; here the gradients are held against finite
// differences, and every dtype and layout against f64.
#include "fornax/ops/linear.h"

#include "fornax/ops/elementwise.h"
#include "fornax/ops/matmul.h"
#include "ops/op_cases.h"

namespace fornax::test {

std::vector<OpCase> matmul_op_cases() {
  std::vector<OpCase> cases;
  const auto product = [&](std::string name, const Shape& a, const Shape& b) {
    cases.push_back({.name = "matmul_" + std::move(name),
                     .inputs = {hashed(a, 1), hashed(b, 2)},
                     .run = [](auto in) { return matmul(in[0], in[1]); },
                     .slack = 4});
  };
  product("one_by_one", {1, 1}, {1, 1});
  product("odd", {7, 5}, {5, 3});
  product("larger_than_a_tile", {13, 21}, {21, 35});
  product("nothing_to_sum", {3, 0}, {0, 2});
  product("empty", {0, 4}, {4, 3});
  product("batch", {3, 4, 5}, {3, 5, 2});
  product("matrix_under_a_batch", {2, 3, 4, 5}, {5, 6});
  product("batch_over_a_matrix", {4, 5}, {3, 5, 2});
  product("broadcast_batches", {2, 1, 3, 4}, {3, 4, 2});
  product("inner_product", {7}, {7});
  product("row_times_matrix", {5}, {5, 3});
  product("matrix_times_column", {3, 5}, {5});
  product("batch_times_column", {2, 3, 5}, {5});
  product("packs", {16, 24}, {24, 40});  // of 16 bytes, in every dtype
  product("batch_packs", {2, 3, 8, 16}, {3, 16, 8});
  product("several_tiles", {37, 18}, {18, 70});
  product("long_sums", {4, 530}, {530, 3});  // which are cut
  product("long_sums_packs", {4, 576}, {576, 8});
  const auto transposed = [&](std::string name, const Shape& a, const Shape& b) {
    cases.push_back({.name = "matmul_of_transposed" + std::move(name),
                     .inputs = {hashed(a, 1), hashed(b, 2)},
                     .run = [](auto in) { return matmul(in[0].mT(), in[1].mT()); },
                     .slack = 4});
  };
  transposed("", {5, 7}, {3, 5});
  transposed("_packs", {24, 16}, {8, 24});
  transposed("_batch", {2, 5, 3}, {1, 4, 5});

  const auto layer = [&](std::string name, const Shape& x, const Shape& weight, bool bias) {
    cases.push_back({.name = "linear_" + std::move(name),
                     .inputs = {hashed(x, 1), hashed(weight, 2), bias ? hashed({weight[0]}, 3) : Tensor()},
                     .run = [](auto in) { return linear(in[0], in[1], in[2]); },
                     .slack = 4});
  };
  layer("with_bias", {7, 5}, {3, 5}, true);
  layer("without_bias", {4, 17}, {33, 17}, false);
  layer("of_a_vector", {5}, {3, 5}, true);
  layer("of_sequences", {2, 3, 5}, {4, 5}, true);
  layer("of_no_samples", {0, 5}, {4, 5}, true);
  const auto relu_layer = [&](std::string name, const Shape& x, const Shape& weight) {
    cases.push_back(
        {.name = "linear_relu" + std::move(name),
         .inputs = {hashed(x, 1), hashed(weight, 2), hashed({weight[0]}, 3)},
         .run = [](auto in) { return linear(in[0], in[1], in[2], {.activation = Activation::relu}); },
         .slack = 4});
  };
  relu_layer("", {6, 5}, {19, 5});
  relu_layer("_long_sums", {3, 520}, {4, 520});
  for (const bool differentiable : {false, true})
    for (const bool bias : {false, true}) {
      const Tensor x = hashed({6, 5}, 1), weight = hashed({16, 5}, 2), b = bias ? hashed({16}, 3) : Tensor();
      cases.push_back(
          {.name =
               std::string("linear_gelu") + (bias ? "_with_bias" : "") + (differentiable ? "" : "_joined"),
           .inputs = {x, weight, b},
           .run = [](auto in) { return linear(in[0], in[1], in[2], {.activation = Activation::gelu_tanh}); },
           .expected = gelu(linear(x, weight, b), Gelu::tanh),
           .wants_grad = std::vector<bool>(3, differentiable),
           .slack = 4});
    }
  return cases;
}

}  // namespace fornax::test
