// Cases of layer_norm, against a plain loop.
#include "fornax/ops/layer_norm.h"

#include <cmath>

#include "fornax/ops/create.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

constexpr double eps = 1e-5;

Tensor plain_layer_norm(const Tensor& x, std::int64_t length, const Tensor& weight, const Tensor& bias) {
  std::vector<double> values = x.to_vector<double>(), w, b;
  if (weight.defined()) w = weight.to_vector<double>();
  if (bias.defined()) b = bias.to_vector<double>();
  const auto n = static_cast<std::size_t>(length);
  for (std::size_t first = 0; first < values.size(); first += n) {
    double mean = 0, var = 0;
    for (std::size_t i = 0; i < n; ++i) mean += values[first + i] / double(n);
    for (std::size_t i = 0; i < n; ++i)
      var += (values[first + i] - mean) * (values[first + i] - mean) / double(n);
    for (std::size_t i = 0; i < n; ++i) {
      double& value = values[first + i];
      value = (value - mean) / std::sqrt(var + eps);
      if (!w.empty()) value *= w[i];
      if (!b.empty()) value += b[i];
    }
  }
  return from_span<double>(values, x.shape());
}

}  // namespace

std::vector<OpCase> layer_norm_op_cases() {
  std::vector<OpCase> cases;
  const struct {
    std::string name;
    Shape shape, normalized;
    bool weight = true, bias = true;
  } all[] = {{"last", {3, 5, 37}, {37}},
             {"last_two", {3, 5, 7}, {5, 7}},
             {"all", {3, 5}, {3, 5}},
             {"plain", {4, 9}, {9}, false, false},
             {"no_bias", {4, 9}, {9}, true, false},
             {"no_weight", {4, 9}, {9}, false},
             {"images", {2, 3, 4, 5}, {3, 4, 5}},
             {"no_rows", {0, 5}, {5}},
             {"many_rows", {1100, 65}, {65}},
             {"even", {5, 64}, {64}},
             {"wide", {3, 1500}, {1500}}};
  for (const auto& [name, shape, normalized_, has_weight, has_bias] : all) {
    const Shape normalized = normalized_;
    const Tensor x = hashed(shape, 51, -2, 3), weight = has_weight ? hashed(normalized, 52, -2, 2) : Tensor(),
                 bias = has_bias ? hashed(normalized, 53) : Tensor();
    OpCase op{.name = "layer_norm_" + name,
              .inputs = {x, weight, bias},
              .run = [=](auto in) { return layer_norm(in[0], normalized, in[1], in[2], eps); },
              .expected = plain_layer_norm(x, normalized.product(), weight, bias),
              .slack = 8};
    cases.push_back(op);
    op.name += "_wide";
    op.wide = {false, true, true};
    op.dtypes = {f16, bf16};
    op.expected = {};
    cases.push_back(op);
  }
  return cases;
}

}  // namespace fornax::test
