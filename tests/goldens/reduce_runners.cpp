#include "fornax/ops/reduce.h"

#include "fornax/ops/elementwise.h"
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

template <Extremes (*op)(const Tensor&, int, bool)>
std::vector<Tensor> extremes(const Attrs& attrs, std::span<const Tensor> in) {
  const Extremes most = op(in[0], attrs.at("dim").get<int>(), attrs.at("keepdim"));
  return {most.values, most.indices};
}

template <Tensor (*op)(const Tensor&, std::optional<int>, bool)>
std::vector<Tensor> place(const Attrs& attrs, std::span<const Tensor> in) {
  return {op(in[0], attrs.at("dim").get<int>(), attrs.at("keepdim"))};
}

template <Tensor (*op)(const Tensor&, const Dims&, bool)>
std::vector<Tensor> truth(const Attrs& attrs, std::span<const Tensor> in) {
  return {op(ne(in[0], 0), dims(attrs, "dim"), attrs.at("keepdim"))};
}

}  // namespace

// The slacks: some goldens lie a thousand times farther from zero than they spread, and their means and
// logarithms are rounded there.
const GoldenOps& reduce_runners() {
  static const GoldenOps ops = {
      {"sum", {reduction<sum>}},   {"mean", {reduction<mean>}}, {"logsumexp", {reduction<logsumexp>, 4}},
      {"amax", {reduction<amax>}}, {"var", {run_var, 8}},       {"norm", {run_norm}},
      {"max", {extremes<max>}},    {"argmax", {place<argmax>}}, {"amin", {reduction<amin>}},
      {"min", {extremes<min>}},    {"argmin", {place<argmin>}}, {"any", {truth<any>}},
      {"all", {truth<all>}}};
  return ops;
}

}  // namespace fornax::test
