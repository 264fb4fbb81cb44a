#include "fornax/ops/batch_norm.h"
#include "fornax/ops/layer_norm.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

std::vector<Tensor> run_train(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor mean = in[1].clone(), var = in[2].clone();
  const Tensor y = batch_norm(in[0], optional_input(in, 3), optional_input(in, 4), mean, var,
                              {.training = true, .momentum = attrs.at("momentum"), .eps = attrs.at("eps")});
  return {y, mean, var};
}

std::vector<Tensor> run_eval(const Attrs& attrs, std::span<const Tensor> in) {
  return {batch_norm(in[0], optional_input(in, 3), optional_input(in, 4), in[1], in[2],
                     {.eps = attrs.at("eps")})};
}

std::vector<Tensor> run_act(const Attrs& attrs, std::span<const Tensor> in) {
  const Tensor mean = in[1].clone(), var = in[2].clone();
  const Tensor y =
      batch_norm_act(in[0], in[3], in[4], mean, var,
                     {.training = attrs.at("training"),
                      .momentum = attrs.at("momentum"),
                      .eps = attrs.at("eps"),
                      .activation = attrs.at("activation") == "relu" ? Activation::relu : Activation::none,
                      .residual = optional_input(in, 5)});
  return {y, mean, var};
}

std::vector<Tensor> run_layer_norm(const Attrs& attrs, std::span<const Tensor> in) {
  return {layer_norm(in[0], dims(attrs, "normalized_shape"), optional_input(in, 1), optional_input(in, 2),
                     attrs.at("eps"))};
}

}  // namespace

const GoldenOps& norm_runners() {
  static const GoldenOps ops = {
      {"batch_norm_act", {run_act, 10}},
      {"batch_norm_eval", {run_eval}},
      {"batch_norm_train", {run_train, 10}},  // gradients are differences of sums
      {"layer_norm", {run_layer_norm, 4}},
  };
  return ops;
}

}  // namespace fornax::test
