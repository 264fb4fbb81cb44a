#include "fornax/ops/pool.h"

#include "goldens/runners.h"

namespace fornax::test {
namespace {

std::vector<Tensor> run_max_pool2d(const Attrs& attrs, std::span<const Tensor> in) {
  return {max_pool2d(in[0], pair(attrs, "kernel_size"),
                     {.stride = pair(attrs, "stride"),
                      .padding = pair(attrs, "padding"),
                      .dilation = attrs.contains("dilation") ? pair(attrs, "dilation") : Pair(1),
                      .ceil_mode = attrs.value("ceil_mode", false)})};
}

std::vector<Tensor> run_avg_pool2d(const Attrs& attrs, std::span<const Tensor> in) {
  return {avg_pool2d(in[0], pair(attrs, "kernel_size"),
                     {.stride = pair(attrs, "stride"),
                      .padding = pair(attrs, "padding"),
                      .ceil_mode = attrs.value("ceil_mode", false),
                      .count_include_pad = attrs.at("count_include_pad")})};
}

std::vector<Tensor> run_adaptive_avg_pool2d(const Attrs& attrs, std::span<const Tensor> in) {
  return {adaptive_avg_pool2d(in[0], pair(attrs, "output_size"))};
}

std::vector<Tensor> run_adaptive_max_pool2d(const Attrs& attrs, std::span<const Tensor> in) {
  return {adaptive_max_pool2d(in[0], pair(attrs, "output_size"))};
}

}  // namespace

const GoldenOps& pool_runners() {
  static const GoldenOps ops = {
      {"adaptive_avg_pool2d", {run_adaptive_avg_pool2d}},
      {"adaptive_max_pool2d", {run_adaptive_max_pool2d}},
      {"avg_pool2d", {run_avg_pool2d}},
      {"max_pool2d", {run_max_pool2d}},
  };
  return ops;
}

}  // namespace fornax::test
