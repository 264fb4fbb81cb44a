#include "fornax/ops/conv2d.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

std::vector<Tensor> run_conv2d(const Attrs& attrs, std::span<const Tensor> in) {
  const Conv2dParams params{.stride = pair(attrs, "stride"),
                            .padding = pair(attrs, "padding"),
                            .dilation = pair(attrs, "dilation"),
                            .groups = attrs.at("groups")};
  return {conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), params)};
}

}  // namespace

const GoldenOps& conv_runners() {
  static const GoldenOps ops = {{"conv2d", {run_conv2d}}};
  return ops;
}

}  // namespace fornax::test
