// conv2d and its two gradients as ops of their own. PyTorch's numbers are in tests/goldens; here the
// gradients, also the second ones, are held against finite differences, and every kernel, dtype and layout
// against f64.
#include "fornax/ops/conv2d.h"

#include "fornax/ops/elementwise.h"
#include "ops/op_cases.h"

namespace fornax::test {

std::vector<OpCase> conv2d_op_cases() {
  std::vector<OpCase> cases;
  struct Sizes {
    std::string name;
    Shape x, w;
    Conv2dParams p = {};
  };
  const Sizes all[] = {
      {"pointwise", {2, 9, 3, 5}, {7, 9, 1, 1}},
      {"pointwise_stride_2", {1, 6, 5, 4}, {5, 6, 1, 1}, {.stride = 2}},
      {"three_by_three", {2, 3, 5, 4}, {4, 3, 3, 3}, {.padding = 1}},
      {"three_by_three_stride_2", {2, 5, 5, 6}, {3, 5, 3, 3}, {.stride = 2, .padding = 1}},
      {"stem", {1, 3, 9, 8}, {4, 3, 7, 7}, {.stride = 2, .padding = 3}},
      {"one_pixel", {7, 4, 1, 1}, {5, 4, 3, 3}, {.padding = 1}},
      {"two_by_two_map", {3, 4, 2, 2}, {5, 4, 3, 3}, {.padding = 1}},
      {"uneven", {1, 2, 7, 9}, {3, 2, 2, 3}, {.stride = {3, 2}, .padding = {0, 2}, .dilation = {2, 1}}},
      {"dilated", {1, 2, 7, 6}, {3, 2, 3, 3}, {.padding = 2, .dilation = 2}},
      {"wide_padding", {1, 2, 2, 3}, {2, 2, 2, 2}, {.stride = 2, .padding = 3}},
      {"groups", {2, 6, 4, 5}, {4, 3, 3, 3}, {.padding = 1, .groups = 2}},
      {"depthwise", {2, 5, 5, 4}, {5, 1, 3, 3}, {.padding = 1, .groups = 5}},
      {"depthwise_stride_2", {1, 9, 5, 6}, {9, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 9}},
      {"depthwise_multiplier", {1, 3, 4, 4}, {6, 1, 2, 2}, {.groups = 3}},
      // Channels in packs of 16 bytes, in every dtype.
      {"packs", {1, 16, 4, 5}, {8, 16, 3, 3}, {.padding = 1}},
      {"packs_pointwise", {2, 16, 3, 4}, {24, 16, 1, 1}},
      {"packs_stride_2", {1, 8, 5, 6}, {16, 8, 3, 3}, {.stride = 2, .padding = 1}},
      {"packs_groups", {1, 16, 4, 4}, {16, 8, 3, 3}, {.padding = 1, .groups = 2}},
      {"packs_of_inputs_alone", {1, 8, 4, 4}, {5, 8, 3, 3}},
      {"packs_of_outputs_alone", {1, 3, 6, 5}, {8, 3, 3, 3}, {.padding = 1}},
      // More than a tile of positions and of outputs; sums of more than 512 terms, which are cut.
      {"several_tiles", {1, 3, 6, 7}, {35, 3, 2, 2}},
      {"deep", {1, 64, 2, 3}, {3, 64, 3, 3}, {.padding = 1}},
      {"deep_backwards", {1, 3, 2, 3}, {64, 3, 3, 3}, {.padding = 1}},
      {"many_positions", {2, 2, 16, 17}, {3, 2, 3, 3}, {.padding = 1}},
      {"many_positions_packs", {2, 8, 16, 16}, {8, 8, 1, 1}},
      // Of the residues of the stride, some meet several taps, some none.
      {"stride_and_dilation",
       {1, 2, 9, 8},
       {3, 2, 3, 2},
       {.stride = {2, 6}, .padding = 3, .dilation = {3, 4}}},
      {"stride_of_more_than_the_image", {2, 3, 4, 5}, {4, 3, 2, 2}, {.stride = {1 << 30, 9}, .padding = 1}},
      {"depthwise_packs", {2, 16, 5, 6}, {16, 1, 3, 3}, {.padding = 1, .groups = 16}},
      {"depthwise_packs_stride_2", {1, 8, 6, 9}, {8, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 8}},
      {"depthwise_five_by_five", {1, 37, 6, 5}, {37, 1, 5, 5}, {.padding = 2, .groups = 37}},
      {"depthwise_multiplier_uneven",
       {1, 3, 6, 5},
       {9, 1, 4, 3},
       {.stride = {3, 1}, .padding = 2, .dilation = {1, 2}, .groups = 3}},
      {"depthwise_many_positions", {2, 2, 32, 33}, {2, 1, 3, 3}, {.padding = 1, .groups = 2}},
      {"no_images", {0, 3, 4, 4}, {2, 3, 3, 3}},
      {"no_images_depthwise", {0, 3, 4, 4}, {3, 1, 3, 3}, {.groups = 3}},
      {"no_channels", {2, 0, 4, 4}, {2, 0, 3, 3}},
  };
  for (const auto& [name, x, w, p] : all) {
    const Tensor image = hashed(x, 1), weight = hashed(w, 2);
    const Shape y = conv2d(image, weight, {}, p).shape();
    cases.push_back({.name = "conv2d_" + name,
                     .inputs = {image, weight, hashed({w[0]}, 3)},
                     .run = [p = p](auto in) { return conv2d(in[0], in[1], in[2], p); },
                     .slack = 8});
    cases.push_back({.name = "conv2d_grad_input_" + name,
                     .inputs = {hashed(y, 4), weight},
                     .run = [p = p, x = x](auto in) { return conv2d_grad_input(in[0], in[1], x, p); },
                     .slack = 8});
    cases.push_back({.name = "conv2d_grad_weight_" + name,
                     .inputs = {hashed(y, 4), image},
                     .run = [p = p, w = w](auto in) { return conv2d_grad_weight(in[0], in[1], w, p); },
                     .slack = 8});
    const Tensor bias = hashed({w[0]}, 3), residual = hashed(y, 5);
    cases.push_back({.name = "conv2d_act_" + name,
                     .inputs = {image, weight, bias, residual},
                     .run =
                         [p = p](auto in) {
                           return conv2d_act(in[0], in[1], in[2], p,
                                             {.activation = Activation::relu, .residual = in[3]});
                         },
                     .expected = relu(conv2d(image, weight, bias, p) + residual),
                     .slack = 8});
  }
  const Sizes with_statistics[] = {
      {"three_by_three", {2, 3, 5, 4}, {4, 3, 3, 3}, {.padding = 1}},
      {"packs", {3, 16, 6, 5}, {8, 16, 3, 3}, {.stride = 2, .padding = 1}},
      {"groups", {2, 6, 4, 5}, {9, 2, 3, 3}, {.padding = 1, .groups = 3}},
  };
  for (const auto& [name, x, w, p] : with_statistics) {
    const Tensor image = hashed(x, 1), weight = hashed(w, 2);
    cases.push_back({.name = "conv2d_with_statistics_" + name,
                     .inputs = {image, weight, hashed({w[0]}, 3), hashed({w[0]}, 4)},
                     .run =
                         [p = p](auto in) {
                           const auto [y, statistics] = conv2d_with_statistics(in[0], in[1], p);
                           return batch_norm_act(y, in[2], in[3], {}, {},
                                                 {.training = true, .statistics = statistics});
                         },
                     .expected = batch_norm(conv2d(image, weight, {}, p), hashed({w[0]}, 3),
                                            hashed({w[0]}, 4), {}, {}, {.training = true}),
                     .wide = {false, false, true, true},
                     .slack = 16});
  }
  return cases;
}

}  // namespace fornax::test
