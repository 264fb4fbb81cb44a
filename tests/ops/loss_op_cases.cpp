// Cases of the losses of single elements, against plain loops.
#include <cmath>

#include "fornax/ops/loss.h"
#include "ops/op_cases.h"

namespace fornax::test {
namespace {

using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction);

/// `plain` of each pair of elements, then the reduction.
template <class Plain>
Tensor plainly(const Tensor& x, const Tensor& target, Reduction reduction, Plain plain) {
  std::vector<double> values = x.to_vector<double>();
  const std::vector<double> t = target.to_vector<double>();
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) total += values[i] = plain(values[i], t[i], i);
  if (reduction == Reduction::none) return from_span<double>(values, x.shape());
  return tensor<double>({reduction == Reduction::mean ? total / double(values.size()) : total}, {});
}

const std::pair<std::string, Reduction> reductions[] = {
    {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};

void add(std::vector<OpCase>& cases, const std::string& name, Loss loss,
         double (*plain)(double, double, std::size_t)) {
  const Tensor x = hashed({3, 5, 7}, 61), target = hashed({3, 5, 7}, 62);
  for (const auto& [suffix, reduction_] : reductions) {
    const Reduction reduction = reduction_;
    cases.push_back({.name = name + "_" + suffix,
                     .inputs = {x, target},
                     .run = [=](auto in) { return loss(in[0], in[1], reduction); },
                     .expected = plainly(x, target, reduction, plain)});
  }
}

void add_bce(std::vector<OpCase>& cases) {
  const Tensor x = hashed({5, 7}, 63, -4, 4), target = hashed({5, 7}, 64, 0, 1),
               pos_weight = hashed({7}, 65, 0.5, 3), weight = hashed({5, 7}, 66, 0.5, 2);
  const std::vector<double> p = pos_weight.to_vector<double>(), w = weight.to_vector<double>();
  const auto plain = [](double z, double t, double positive) {
    return positive * t * std::log(1 + std::exp(-z)) + (1 - t) * std::log(1 + std::exp(z));
  };
  for (const auto& [suffix, reduction_] : reductions) {
    const Reduction reduction = reduction_;
    cases.push_back({.name = "bce_with_logits_" + suffix,
                     .inputs = {x, target},
                     .run =
                         [=](auto in) {
                           return binary_cross_entropy_with_logits(in[0], in[1], {.reduction = reduction});
                         },
                     .expected = plainly(x, target, reduction,
                                         [&](double z, double t, std::size_t) { return plain(z, t, 1); }),
                     .wants_grad = {true, false}});
    cases.push_back(
        {.name = "bce_with_logits_weighted_" + suffix,
         .inputs = {x, target, weight, pos_weight},
         .run =
             [=](auto in) {
               return binary_cross_entropy_with_logits(
                   in[0], in[1], {.weight = in[2], .pos_weight = in[3], .reduction = reduction});
             },
         .expected = plainly(x, target, reduction,
                             [&](double z, double t, std::size_t i) { return w[i] * plain(z, t, p[i % 7]); }),
         .wants_grad = {true, false, false, false},
         .slack = 2});
  }
}

}  // namespace

std::vector<OpCase> loss_op_cases() {
  std::vector<OpCase> cases;
  add(cases, "mse_loss", mse_loss, [](double x, double t, std::size_t) { return (x - t) * (x - t); });
  add(cases, "l1_loss", l1_loss, [](double x, double t, std::size_t) { return std::abs(x - t); });
  add_bce(cases);
  return cases;
}

}  // namespace fornax::test
