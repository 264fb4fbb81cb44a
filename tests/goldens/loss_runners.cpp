#include "fornax/ops/loss.h"

#include "goldens/runners.h"

namespace fornax::test {
namespace {

Reduction reduction(const Attrs& attrs) {
  const std::string name = attrs.at("reduction");
  return name == "none" ? Reduction::none : name == "sum" ? Reduction::sum : Reduction::mean;
}

std::vector<Tensor> run_cross_entropy(const Attrs& attrs, std::span<const Tensor> in) {
  return {cross_entropy(in[0], in[1],
                        {.weight = optional_input(in, 2),
                         .ignore_index = attrs.at("ignore_index"),
                         .label_smoothing = attrs.at("label_smoothing"),
                         .reduction = reduction(attrs)})};
}

std::vector<Tensor> run_nll_loss(const Attrs& attrs, std::span<const Tensor> in) {
  return {nll_loss(in[0], in[1],
                   {.weight = optional_input(in, 2),
                    .ignore_index = attrs.at("ignore_index"),
                    .reduction = reduction(attrs)})};
}

std::vector<Tensor> run_bce_with_logits(const Attrs& attrs, std::span<const Tensor> in) {
  return {binary_cross_entropy_with_logits(
      in[0], in[1],
      {.weight = optional_input(in, 2), .pos_weight = optional_input(in, 3), .reduction = reduction(attrs)})};
}

std::vector<Tensor> run_l1_loss(const Attrs& attrs, std::span<const Tensor> in) {
  return {l1_loss(in[0], in[1], reduction(attrs))};
}

std::vector<Tensor> run_mse_loss(const Attrs& attrs, std::span<const Tensor> in) {
  return {mse_loss(in[0], in[1], reduction(attrs))};
}

}  // namespace

const GoldenOps& loss_runners() {
  static const GoldenOps ops = {{"binary_cross_entropy_with_logits", {run_bce_with_logits}},
                                {"cross_entropy", {run_cross_entropy}},
                                {"l1_loss", {run_l1_loss}},
                                {"mse_loss", {run_mse_loss}},
                                {"nll_loss", {run_nll_loss}}};
  return ops;
}

}  // namespace fornax::test
