#include "fornax/optim/adamw.h"
#include "fornax/optim/clip_grad.h"
#include "fornax/optim/schedule.h"
#include "fornax/optim/sgd.h"
#include "goldens/runners.h"

namespace fornax::test {
namespace {

/// The parameter after each step, of which each has its gradient.
template <class Optimizer>
std::vector<Tensor> steps(const typename Optimizer::Options& options, std::span<const Tensor> in) {
  Tensor parameter = in[0].clone();
  parameter.set_requires_grad();
  Optimizer optimizer(std::vector<Tensor>{parameter}, options);
  std::vector<Tensor> after;
  for (const Tensor& gradient : in.subspan(1)) {
    parameter.set_grad(gradient.clone());
    optimizer.step();
    after.push_back(parameter.detach().clone());
  }
  return after;
}

std::vector<Tensor> run_sgd(const Attrs& attrs, std::span<const Tensor> in) {
  return steps<optim::SGD>({.lr = attrs.at("lr"),
                            .momentum = attrs.value("momentum", 0.0),
                            .dampening = attrs.value("dampening", 0.0),
                            .weight_decay = attrs.value("weight_decay", 0.0),
                            .nesterov = attrs.value("nesterov", false)},
                           in);
}

std::vector<Tensor> run_adamw(const Attrs& attrs, std::span<const Tensor> in) {
  optim::AdamWOptions options{.lr = attrs.at("lr"), .weight_decay = attrs.at("weight_decay")};
  if (attrs.contains("betas")) {
    options.beta1 = attrs["betas"][0];
    options.beta2 = attrs["betas"][1];
    options.eps = attrs.at("eps");
  }
  return steps<optim::AdamW>(options, in);
}

std::vector<Tensor> run_clip_grad_norm(const Attrs& attrs, std::span<const Tensor> in) {
  std::vector<Tensor> parameters, results;
  for (const Tensor& gradient : in) {
    parameters.push_back(gradient.clone());
    parameters.back().set_requires_grad().set_grad(gradient.clone());
  }
  const Tensor norm = optim::clip_grad_norm_(parameters, attrs.at("max_norm"));
  for (const Tensor& parameter : parameters) results.push_back(parameter.grad());
  results.push_back(norm);
  return results;
}

/// The rates of the first `count` steps.
std::vector<Tensor> rates(const optim::Schedule& schedule, const Attrs& attrs) {
  std::vector<double> lr, momentum;
  for (std::int64_t step = 0; step < attrs.at("count"); ++step) {
    const optim::Rates at = schedule(step, attrs.at("lr"));
    lr.push_back(at.lr);
    if (at.momentum) momentum.push_back(*at.momentum);
  }
  const Shape shape = {attrs.at("count").get<std::int64_t>()};
  std::vector<Tensor> results = {from_span<double>(lr, shape)};
  if (!momentum.empty()) results.push_back(from_span<double>(momentum, shape));
  return results;
}

std::vector<Tensor> run_step_lr(const Attrs& attrs, std::span<const Tensor>) {
  return rates(optim::StepLR{.step_size = attrs.at("step_size"), .gamma = attrs.at("gamma")}, attrs);
}

std::vector<Tensor> run_cosine_annealing_lr(const Attrs& attrs, std::span<const Tensor>) {
  return rates(optim::CosineAnnealingLR{.T_max = attrs.at("T_max"), .eta_min = attrs.at("eta_min")}, attrs);
}

std::vector<Tensor> run_linear_lr(const Attrs& attrs, std::span<const Tensor>) {
  return rates(optim::LinearLR{.start_factor = attrs.at("start_factor"),
                               .end_factor = attrs.at("end_factor"),
                               .total_iters = attrs.at("total_iters")},
               attrs);
}

std::vector<Tensor> run_one_cycle_lr(const Attrs& attrs, std::span<const Tensor>) {
  using Anneal = optim::OneCycleLR::Anneal;
  return rates(optim::OneCycleLR{.max_lr = attrs.at("max_lr").get<double>(),
                                 .total_steps = attrs.at("total_steps"),
                                 .pct_start = attrs.at("pct_start"),
                                 .anneal_strategy =
                                     attrs.at("anneal_strategy") == "cos" ? Anneal::cos : Anneal::linear,
                                 .cycle_momentum = attrs.at("cycle_momentum"),
                                 .base_momentum = attrs.value("base_momentum", 0.85),
                                 .max_momentum = attrs.value("max_momentum", 0.95),
                                 .div_factor = attrs.at("div_factor"),
                                 .final_div_factor = attrs.at("final_div_factor"),
                                 .three_phase = attrs.value("three_phase", false)},
               attrs);
}

std::vector<Tensor> run_sequential_lr(const Attrs& attrs, std::span<const Tensor>) {
  const std::int64_t warm_up = attrs.at("warm_up");
  return rates(
      optim::sequential({optim::LinearLR{.start_factor = 0.1, .end_factor = 1, .total_iters = warm_up},
                         optim::CosineAnnealingLR{.T_max = attrs.at("T_max")}},
                        {warm_up}),
      attrs);
}

}  // namespace

const GoldenOps& optimizer_runners() {
  static const GoldenOps ops = {
      {"adamw", {run_adamw}},
      {"clip_grad_norm", {run_clip_grad_norm}},
      {"cosine_annealing_lr", {run_cosine_annealing_lr}},
      {"linear_lr", {run_linear_lr}},
      {"one_cycle_lr", {run_one_cycle_lr}},
      {"sequential_lr", {run_sequential_lr}},
      {"sgd", {run_sgd}},
      {"step_lr", {run_step_lr}},
  };
  return ops;
}

}  // namespace fornax::test
