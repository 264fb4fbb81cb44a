#include "fornax/ops/reduce.h"

#include "goldens/runners.h"

namespace fornax::test {
namespace {

template <Tensor (*op)(const Tensor&, const Dims&, bool)>
std::vector<Tensor> reduction(const Attrs& attrs, std::span<const Tensor> in) {
  return {op(in[0], dims(attrs, "dim"), attrs.at("keepdim"))};
}

std::vector<Tensor> run_var(const Attrs& attrs, std::span<const Tensor> in) {
  return {var(in[0], dims(attrs, "dim"), attrs.at("keepdim"), attrs.at("unbiased") ? 1 : 0)};
}

std::vector<Tensor> run_norm(const Attrs& attrs, std::span<const Tensor> in) {
  const std::string p = attrs.at("p");
  return {norm(in[0], std::stod(p), dims(attrs, "dim"), attrs.at("keepdim"))};
}

std::vector<Tensor> run_max(const Attrs& attrs, std::span<const Tensor> in) {
  const Extremes most = max(in[0], attrs.at("dim").get<int>(), attrs.at("keepdim"));
  return {most.values, most.indices};
}

std::vector<Tensor> run_argmax(const Attrs& attrs, std::span<const Tensor> in) {
  return {argmax(in[0], attrs.at("dim").get<int>(), attrs.at("keepdim"))};
}

}  // namespace

// The slacks: some goldens lie a thousand times farther from zero than they spread, and their means and
// logarithms are rounded there.
const GoldenOps& reduce_runners() {
  static const GoldenOps ops = {
      {"sum", {reduction<sum>}},   {"mean", {reduction<mean>}}, {"logsumexp", {reduction<logsumexp>, 4}},
      {"amax", {reduction<amax>}}, {"var", {run_var, 8}},       {"norm", {run_norm}},
      {"max", {run_max}},          {"argmax", {run_argmax}}};
  return ops;
}

}  // namespace fornax::test
