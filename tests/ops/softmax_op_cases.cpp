// Cases of softmax and the losses of classes, against plain loops.
#include <cmath>

#include "fornax/ops/create.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/softmax.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

using Values = std::vector<double>;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Calls f(first, step) for each row along `axis` of a row-major tensor.
template <class F>
void for_plain_rows(const Shape& shape, int axis, F&& f) {
  std::int64_t inner = 1, outer = 1;
  for (int i = 0; i < shape.rank(); ++i) (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) f(o * shape[axis] * inner + i, inner);
}

double plain_logsumexp(const Values& x, std::int64_t first, std::int64_t step, std::int64_t count) {
  double most = -INFINITY, total = 0;
  for (std::int64_t i = 0; i < count; ++i) most = std::max(most, x[index(first + i * step)]);
  for (std::int64_t i = 0; i < count; ++i) total += std::exp(x[index(first + i * step)] - most);
  return most + std::log(total);
}

Tensor plain_log_softmax(const Tensor& x, int axis) {
  Values values = x.to_vector<double>();
  for_plain_rows(x.shape(), axis, [&](std::int64_t first, std::int64_t step) {
    const double lse = plain_logsumexp(values, first, step, x.size(axis));
    for (std::int64_t i = 0; i < x.size(axis); ++i) values[index(first + i * step)] -= lse;
  });
  return from_span<double>(values, x.shape());
}

Tensor plain_exp(const Tensor& x) {
  Values values = x.to_vector<double>();
  for (double& value : values) value = std::exp(value);
  return from_span<double>(values, x.shape());
}

void add_softmax_cases(std::vector<OpCase>& cases) {
  const struct {
    std::string name;
    Shape shape;
    int axis;
  } all[] = {{"last", {5, 37}, 1},       {"first", {37, 5}, 0},       {"channels", {2, 7, 3, 5}, 1},
             {"width", {2, 7, 3, 5}, 3}, {"middle", {2, 1100, 2}, 1}, {"one", {3, 1}, 1},
             {"vector", {9}, 0},         {"no_rows", {0, 5}, 1},      {"many_rows", {500, 10}, 1},
             {"even", {3, 64}, 1},       {"wide", {5, 300}, 1},       {"wider", {2, 1500}, 1}};
  for (const auto& [name, shape, axis] : all) {
    const Tensor x = hashed(shape, 21, -4, 4), expected = plain_log_softmax(x, axis);
    cases.push_back({.name = "softmax_" + name,
                     .inputs = {x},
                     .run = [axis = axis](auto in) { return softmax(in[0], axis); },
                     .expected = plain_exp(expected),
                     .slack = 2});
    cases.push_back({.name = "log_softmax_" + name,
                     .inputs = {x},
                     .run = [axis = axis](auto in) { return log_softmax(in[0], axis - in[0].rank()); },
                     .expected = expected,
                     .slack = 2});
  }
}

/// What cross_entropy's contract says, of log-probabilities.
Tensor plain_loss(const Tensor& log_p, const Tensor& target, const CrossEntropyOptions& options) {
  const Values p = log_p.to_vector<double>();
  const auto t = target.to_vector<std::int64_t>();
  const std::int64_t classes = log_p.size(log_p.rank() == 1 ? 0 : 1);
  Values w(index(classes), 1.0), losses;
  if (options.weight.defined()) w = options.weight.to_vector<double>();
  double total = 0, total_weight = 0;
  for_plain_rows(log_p.shape(), log_p.rank() == 1 ? 0 : 1, [&](std::int64_t first, std::int64_t step) {
    const std::int64_t label = t[losses.size()];
    double loss = 0;
    if (label != options.ignore_index) {
      for (std::int64_t c = 0; c < classes; ++c)
        loss -= options.label_smoothing / double(classes) * w[index(c)] * p[index(first + c * step)];
      loss -= (1 - options.label_smoothing) * w[index(label)] * p[index(first + label * step)];
      total_weight += w[index(label)];
    }
    losses.push_back(loss);
    total += loss;
  });
  if (options.reduction == Reduction::none) return from_span<double>(losses, target.shape());
  return tensor<double>({options.reduction == Reduction::mean ? total / total_weight : total}, {});
}

void add_loss_cases(std::vector<OpCase>& cases) {
  for (const auto& [shape_name, shape] : {std::pair<std::string, Shape>{"rows", {33, 7}},
                                          {"pixels", {2, 7, 5, 3}},
                                          {"many_rows", {600, 8}},
                                          {"wide", {3, 1500}}}) {
    const std::int64_t classes = shape[1];
    Shape rows = shape;
    rows.erase(1);
    const Tensor x = hashed(shape, 22, -4, 4), target = hashed(rows, 23, 0, double(classes)).to(i64),
                 weight = hashed({classes}, 31, 0.5, 2);
    const struct {
      std::string name;
      CrossEntropyOptions options;
    } all[] = {{"mean", {}},
               {"sum", {.reduction = Reduction::sum}},
               {"none", {.reduction = Reduction::none}},
               {"ignoring", {.ignore_index = 3}},
               {"smoothed", {.label_smoothing = 0.1}},
               {"weighted", {.weight = weight}},
               {"all_none",
                {.weight = weight, .ignore_index = 3, .label_smoothing = 0.2, .reduction = Reduction::none}},
               {"all_mean", {.weight = weight, .ignore_index = 3, .label_smoothing = 0.2}}};
    for (const auto& [name, options_] : all) {
      if (shape.product() > 1000 && name != "mean" && !name.starts_with("all_")) continue;
      const CrossEntropyOptions options = options_;
      const auto with_weight = [options](const Tensor& in) {
        CrossEntropyOptions own = options;
        if (own.weight.defined()) own.weight = own.weight.to(in.dtype()).to(in.device());
        return own;
      };
      cases.push_back({.name = "cross_entropy_" + shape_name + "_" + name,
                       .inputs = {x, target},
                       .run = [=](auto in) { return cross_entropy(in[0], in[1], with_weight(in[0])); },
                       .expected = plain_loss(plain_log_softmax(x, 1), target, options),
                       .slack = 2});
      if (options.label_smoothing > 0) continue;
      cases.push_back(
          {.name = "nll_loss_" + shape_name + "_" + name,
           .inputs = {x, target},
           .run =
               [=](auto in) {
                 const CrossEntropyOptions own = with_weight(in[0]);
                 return nll_loss(
                     in[0], in[1],
                     {.weight = own.weight, .ignore_index = own.ignore_index, .reduction = own.reduction});
               },
           .expected = plain_loss(x, target, options),
           .slack = 2});
    }
  }
  const Tensor x = hashed({5}, 24);
  cases.push_back({.name = "cross_entropy_one_row",
                   .inputs = {x, full({}, 2, {.dtype = i64})},
                   .run = [](auto in) { return cross_entropy(in[0], in[1]); },
                   .expected = plain_loss(plain_log_softmax(x, 0), full({}, 2, {.dtype = i64}), {})});
}

}  // namespace

std::vector<OpCase> softmax_op_cases() {
  std::vector<OpCase> cases;
  add_softmax_cases(cases);
  add_loss_cases(cases);
  return cases;
}

}  // namespace fornax::test
