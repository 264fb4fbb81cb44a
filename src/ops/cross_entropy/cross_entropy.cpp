#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/loss.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"
#include "ops/cross_entropy/cross_entropy_op.h"

namespace fornax {
namespace {

struct CrossEntropyGradNode final : autograd::Node {
  autograd::Saved x, target, weight, lse, total_weight;
  ops::CrossEntropyTerms terms;  // without the tensors
  std::string_view name() const override { return lse.get(*this).defined() ? "cross_entropy" : "nll_loss"; }
  Grads backward(const Tensor& dloss) override {
    const Tensor logits = x.get(*this), rows = target.get(*this), factors = weight.get(*this),
                 lse_of_rows = lse.get(*this), total = total_weight.get(*this);
    ops::CrossEntropyTerms all = terms;
    all.x = logits;
    all.target = rows;
    all.weight = factors;
    all.lse = lse_of_rows;
    all.total_weight = total;
    Tensor dx = empty_like(logits);
    dispatch::run(ops::cross_entropy_grad_row, ops::CrossEntropyGrad{dx, dloss, all});
    return {dx};
  }
};

void check(std::string_view op, std::string_view x_name, const Tensor& x, const Tensor& target,
           const CrossEntropyOptions& options) {
  ops::check_floating(op, {{x_name, x}});
  ops::check_defined(op, target, "target");
  const auto operands = [&] {
    return ops::describe({{x_name, x}, {"target", target}, {"weight", options.weight}});
  };
  if (target.dtype() != i64) {
    throw DTypeError(op, fmt::format("expected an i64 target of class indices, got {}; {}",
                                     name_of(target.dtype()), operands()));
  }
  Shape rows = x.shape();
  if (x.rank() > 0) rows.erase(x.rank() == 1 ? 0 : 1);
  if (x.rank() == 0 || target.shape() != rows) {
    throw ShapeError(op, fmt::format("expected {0}[N,C,...] and target[N,...], got {1} and {2}; {3}", x_name,
                                     to_string(x.shape()), to_string(target.shape()), operands()));
  }
  const std::int64_t classes = x.size(x.rank() == 1 ? 0 : 1);
  if (classes == 0) throw ShapeError(op, "expected at least one class, got none; " + operands());
  if (target.device() != x.device() || (options.weight.defined() && options.weight.device() != x.device()))
    throw DeviceError(op, "expected operands on one device, got " + operands());
  if (const Tensor& weight = options.weight; weight.defined()) {
    if (weight.shape() != Shape{classes}) {
      throw ShapeError(op, fmt::format("expected a weight of shape [{}], got {}; {}", classes,
                                       to_string(weight.shape()), operands()));
    }
    if (weight.dtype() != x.dtype() && !(weight.dtype() == f32 && is_16bit(x.dtype())))
      throw DTypeError(op, fmt::format("expected a weight of {}'s dtype, got {}", x_name, operands()));
  }
  if (!(options.label_smoothing >= 0 && options.label_smoothing <= 1))
    throw ValueError(op, fmt::format("expected a label_smoothing from 0 to 1, got {}; {}",
                                     options.label_smoothing, operands()));
}

Tensor loss_of(const Tensor& x, const Tensor& target, const CrossEntropyOptions& options, bool logits) {
  const TensorOptions statistics{.dtype = x.dtype() == f64 ? f64 : f32, .device = x.device()};
  const bool per_row = options.reduction == Reduction::none;
  Tensor loss = empty(per_row ? target.shape() : Shape{}, {.dtype = x.dtype(), .device = x.device()});
  const Tensor lse = logits ? empty(target.shape(), statistics) : Tensor(),
               total_weight = empty({}, statistics);
  ops::CrossEntropyTerms terms{.axis = x.rank() == 1 ? 0 : 1,
                               .ignore_index = options.ignore_index,
                               .label_smoothing = options.label_smoothing,
                               .reduction = options.reduction};
  ops::CrossEntropy args{loss, terms};
  args.terms.x = x;
  args.terms.target = target;
  args.terms.weight = options.weight;
  args.terms.lse = lse;
  args.terms.total_weight = total_weight;
  dispatch::run(ops::cross_entropy_row, args);
  autograd::record<CrossEntropyGradNode>(loss, {x}, [&](CrossEntropyGradNode& node) {
    node.x.save(x);
    node.target.save(target);
    node.weight.save(options.weight);
    node.lse.save(lse);
    node.total_weight.save(total_weight);
    node.terms = terms;
  });
  return loss;
}

}  // namespace

Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  if (Tensor logits2 = logits; ops::autocast("cross_entropy", {&logits2}))
    return cross_entropy(logits2, target, options);
  check("cross_entropy", "logits", logits, target, options);
  return loss_of(logits, target, options, true);
}

Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target, const NllLossOptions& options) {
  if (Tensor x = log_probabilities; ops::autocast("nll_loss", {&x})) return nll_loss(x, target, options);
  const CrossEntropyOptions all{
      .weight = options.weight, .ignore_index = options.ignore_index, .reduction = options.reduction};
  check("nll_loss", "log_probabilities", log_probabilities, target, all);
  return loss_of(log_probabilities, target, all, false);
}

}  // namespace fornax
