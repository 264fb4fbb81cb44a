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
                        {.ignore_index = attrs.at("ignore_index"),
                         .label_smoothing = attrs.at("label_smoothing"),
                         .reduction = reduction(attrs)})};
}

std::vector<Tensor> run_mse_loss(const Attrs& attrs, std::span<const Tensor> in) {
  return {mse_loss(in[0], in[1], reduction(attrs))};
}

}  // namespace

const GoldenOps& loss_runners() {
  static const GoldenOps ops = {{"cross_entropy", {run_cross_entropy}}, {"mse_loss", {run_mse_loss}}};
  return ops;
}

}  // namespace fornax::test
