#include "fornax/ops/embedding.h"

#include "fornax/ops/rearrange.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

std::vector<Tensor> run_embedding(const Attrs&, std::span<const Tensor> in) {
  return {embedding(in[1], in[0])};
}

/// PyTorch gives the ends of the last axis, then of the one before it, and so on.
std::vector<Tensor> run_pad(const Attrs& attrs, std::span<const Tensor> in) {
  const Dims ends = dims(attrs, "pad");
  std::vector<Padding> paddings;
  for (int i = 0; i < ends.rank(); i += 2) paddings.push_back({-1 - i / 2, ends[i], ends[i + 1]});
  return {pad(in[0], paddings, attrs.at("value").get<double>())};
}

std::vector<Tensor> run_concat(const Attrs& attrs, std::span<const Tensor> in) {
  return {concat(in, attrs.at("dim"))};
}

std::vector<Tensor> run_stack(const Attrs& attrs, std::span<const Tensor> in) {
  return {stack(in, attrs.at("dim"))};
}

std::vector<Tensor> run_split(const Attrs& attrs, std::span<const Tensor> in) {
  const Attrs& sizes = attrs.at("split_size_or_sections");
  const int axis = attrs.at("dim");
  if (sizes.is_array())
    return split(in[0], std::span<const std::int64_t>(dims(attrs, "split_size_or_sections")), axis);
  return split(in[0], sizes.get<std::int64_t>(), axis);
}

}  // namespace

const GoldenOps& shape_runners() {
  static const GoldenOps ops = {
      {"chunk", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return chunk(in[0], attrs.at("chunks"), attrs.at("dim"));
       }}},
      {"concat", {run_concat}},
      {"embedding", {run_embedding}},
      {"expand", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].expand(dims(attrs, "shape"))};
       }}},
      {"flatten", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].flatten(attrs.at("start_dim"), attrs.at("end_dim"))};
       }}},
      {"flip", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{flip(in[0], dims(attrs, "dims"))};
       }}},
      {"narrow", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].narrow(attrs.at("dim"), attrs.at("start"), attrs.at("length"))};
       }}},
      {"pad", {run_pad}},
      {"permute", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].permute(dims(attrs, "dims"))};
       }}},
      {"reshape", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].reshape(dims(attrs, "shape"))};
       }}},
      {"select", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].select(attrs.at("dim"), attrs.at("index"))};
       }}},
      {"slice", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{
             in[0].slice(attrs.at("dim"), attrs.at("start"), attrs.at("end"), attrs.at("step"))};
       }}},
      {"split", {run_split}},
      {"squeeze", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].squeeze(attrs.at("dim"))};
       }}},
      {"stack", {run_stack}},
      {"transpose", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].transpose(attrs.at("dim0"), attrs.at("dim1"))};
       }}},
      {"unsqueeze", {[](const Attrs& attrs, std::span<const Tensor> in) {
         return std::vector{in[0].unsqueeze(attrs.at("dim"))};
       }}},
  };
  return ops;
}

}  // namespace fornax::test
