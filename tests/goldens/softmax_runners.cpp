#include "fornax/ops/softmax.h"

#include "goldens/runners.h"

namespace fornax::test {
namespace {

template <Tensor (*op)(const Tensor&, int)>
std::vector<Tensor> along_axis(const Attrs& attrs, std::span<const Tensor> in) {
  return {op(in[0], attrs.at("dim"))};
}

}  // namespace

const GoldenOps& softmax_runners() {
  static const GoldenOps ops = {
      {"log_softmax", {along_axis<log_softmax>}},
      {"softmax", {along_axis<softmax>}},
  };
  return ops;
}

}  // namespace fornax::test
