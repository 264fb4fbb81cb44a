#include "fornax/ops/conv2d.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

Conv2dParams params(const Attrs& attrs) {
  return {.stride = pair(attrs, "stride"),
          .padding = pair(attrs, "padding"),
          .dilation = pair(attrs, "dilation"),
          .groups = attrs.at("groups")};
}

std::vector<Tensor> run_conv2d(const Attrs& attrs, std::span<const Tensor> in) {
  return {conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), params(attrs))};
}

std::vector<Tensor> run_grad_input(const Attrs& attrs, std::span<const Tensor> in) {
  return {conv2d_grad_input(in[0], in[1], dims(attrs, "input_size"), params(attrs))};
}

std::vector<Tensor> run_grad_weight(const Attrs& attrs, std::span<const Tensor> in) {
  return {conv2d_grad_weight(in[0], in[1], dims(attrs, "weight_size"), params(attrs))};
}

}  // namespace

const GoldenOps& conv_runners() {
  static const GoldenOps ops = {{"conv2d", {run_conv2d}},
                                {"conv2d_grad_input", {run_grad_input}},
                                {"conv2d_grad_weight", {run_grad_weight}}};
  return ops;
}

}  // namespace fornax::test
