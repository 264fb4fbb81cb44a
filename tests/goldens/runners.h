#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/pair.h"
#include "fornax/tensor/tensor.h"

/// How each op of the goldens is called in Fornax. Each runner translates PyTorch's arguments.
namespace fornax::test {

using Attrs = nlohmann::json;
using Runner = std::vector<Tensor> (*)(const Attrs& attrs, std::span<const Tensor> in);

struct GoldenOp {
  Runner run;
  /// Multiplies the tolerance in single precision: for ops that lose digits by nature.
  double slack = 1;
};
using GoldenOps = std::map<std::string, GoldenOp, std::less<>>;

const GoldenOps& conv_runners();
const GoldenOps& elementwise_runners();
const GoldenOps& image_runners();
const GoldenOps& loss_runners();
const GoldenOps& matmul_runners();
const GoldenOps& norm_runners();
const GoldenOps& optimizer_runners();
const GoldenOps& pool_runners();
const GoldenOps& reduce_runners();
const GoldenOps& shape_runners();
const GoldenOps& softmax_runners();

/// An undefined tensor beyond the inputs.
inline Tensor optional_input(std::span<const Tensor> in, std::size_t i) {
  return i < in.size() ? in[i] : Tensor();
}
/// A list of axes, or of sizes.
inline Dims dims(const Attrs& attrs, const char* key) {
  return Dims(attrs.at(key).get<std::vector<std::int64_t>>());
}
/// [height, width]
inline Pair pair(const Attrs& attrs, const char* key) { return {attrs.at(key).at(0), attrs.at(key).at(1)}; }

}  // namespace fornax::test
