#include "fornax/ops/elementwise.h"

#include "goldens/runners.h"

namespace fornax::test {
namespace {

template <Tensor (*op)(const Tensor&)>
std::vector<Tensor> unary(const Attrs&, std::span<const Tensor> in) {
  return {op(in[0])};
}

template <Tensor (*op)(const Tensor&, const Tensor&)>
std::vector<Tensor> binary(const Attrs&, std::span<const Tensor> in) {
  return {op(in[0], in[1])};
}

std::vector<Tensor> run_where(const Attrs&, std::span<const Tensor> in) {
  return {where(ne(in[0], 0), in[1], in[2])};
}

std::vector<Tensor> run_clamp(const Attrs& attrs, std::span<const Tensor> in) {
  const auto bound = [&](const char* key) {
    return attrs.contains(key) ? std::optional<Scalar>(attrs[key].get<double>()) : std::nullopt;
  };
  return {clamp(in[0], bound("min"), bound("max"))};
}

std::vector<Tensor> run_gelu(const Attrs& attrs, std::span<const Tensor> in) {
  return {gelu(in[0], attrs.at("approximate") == "tanh" ? Gelu::tanh : Gelu::exact)};
}

std::vector<Tensor> run_pow_scalar(const Attrs& attrs, std::span<const Tensor> in) {
  return {pow(in[0], Scalar(attrs.at("exponent").get<double>()))};
}

}  // namespace

// The slack of gelu: 1 + erf and 1 + tanh cancel where x is well below zero, in PyTorch as here.
const GoldenOps& elementwise_runners() {
  static const GoldenOps ops = {
      {"abs", {unary<abs>}},
      {"add", {binary<add>}},
      {"clamp", {run_clamp}},
      {"div", {binary<div>}},
      {"eq", {binary<eq>}},
      {"exp", {unary<exp>}},
      {"floor", {unary<floor>}},
      {"ge", {binary<ge>}},
      {"gelu", {run_gelu, 10}},
      {"gt", {binary<gt>}},
      {"le", {binary<le>}},
      {"log", {unary<log>}},
      {"lt", {binary<lt>}},
      {"maximum", {binary<maximum>}},
      {"minimum", {binary<minimum>}},
      {"mul", {binary<mul>}},
      {"ne", {binary<ne>}},
      {"neg", {unary<neg>}},
      {"pow", {binary<pow>}},
      {"pow_scalar", {run_pow_scalar}},
      {"reciprocal", {unary<reciprocal>}},
      {"relu", {unary<relu>}},
      {"sigmoid", {unary<sigmoid>}},
      {"sign", {unary<sign>}},
      {"silu", {unary<silu>}},
      {"sqrt", {unary<sqrt>}},
      {"square", {unary<square>}},
      {"sub", {binary<sub>}},
      {"tanh", {unary<tanh>}},
      {"where", {run_where}},
  };
  return ops;
}

}  // namespace fornax::test
