#include "fornax/ops/linear.h"

#include "fornax/ops/matmul.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

std::vector<Tensor> run_matmul(const Attrs&, std::span<const Tensor> in) { return {matmul(in[0], in[1])}; }

std::vector<Tensor> run_matmul_transposed(const Attrs& attrs, std::span<const Tensor> in) {
  return {matmul(attrs.at("transpose_a") ? in[0].mT() : in[0], attrs.at("transpose_b") ? in[1].mT() : in[1])};
}

std::vector<Tensor> run_linear(const Attrs&, std::span<const Tensor> in) {
  return {linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor())};
}

}  // namespace

const GoldenOps& matmul_runners() {
  static const GoldenOps ops = {
      {"linear", {run_linear}},
      {"matmul", {run_matmul}},
      {"matmul_transposed", {run_matmul_transposed}},
  };
  return ops;
}

}  // namespace fornax::test
