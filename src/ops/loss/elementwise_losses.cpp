// Losses of one element each, in public ops.
#include <fmt/core.h>

#include "fornax/autograd/node.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/reduce.h"
#include "ops/common/autocast.h"
#include "ops/common/check.h"

namespace fornax {
namespace {

void check(std::string_view op, const Tensor& x, const Tensor& target) {
  ops::check_floating(op, {{"x", x}, {"target", target}});
  if (x.shape() != target.shape()) {  // broadcasting here is nearly always a mistake
    throw ShapeError(
        op, fmt::format("expected x and target of one shape, got {} and {}; {}", to_string(x.shape()),
                        to_string(target.shape()), ops::describe({{"x", x}, {"target", target}})));
  }
}

Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::mean ? mean(losses) : sum(losses);
}

/// 1 + (pos_weight - 1) target: the factor of -log p and of -log(1 - p) together.
Tensor share_of_positives(const Tensor& target, const Tensor& pos_weight) {
  return pos_weight.defined() ? 1 + (pos_weight - 1) * target : Tensor();
}
Tensor times(const Tensor& x, const Tensor& factor) { return factor.defined() ? x * factor : x; }

/// log(1 + x) for x in [0, 1], exact for small x: Kahan's correction of the rounding of 1 + x.
Tensor log1p(const Tensor& x) {
  const Tensor sum = 1 + x;
  return where(eq(sum, 1), x, log(sum) * (x / (sum - 1)));
}

/// Its own gradient, since max(x, 0) and |x| have none at 0, where untrained networks begin.
struct BceGrad final : autograd::Node {
  autograd::Saved x, target, pos_weight;
  std::string_view name() const override { return "binary_cross_entropy_with_logits"; }
  Grads backward(const Tensor& dy) override {
    const Tensor t = target.get(*this);
    return {dy * (1 - t - times(sigmoid(-x.get(*this)), share_of_positives(t, pos_weight.get(*this))))};
  }
};

Tensor bce_of_elements(const Tensor& x, const Tensor& target, const Tensor& pos_weight) {
  Tensor losses;
  {
    const NoGrad no_grad;
    const AnomalyGuard off(false);  // log1p divides by 0 where it does not use the quotient
    const Tensor minus_log_p = log1p(exp(-abs(x))) + maximum(-x, 0);
    losses = (1 - target) * x + times(minus_log_p, share_of_positives(target, pos_weight));
  }
  autograd::record<BceGrad>(losses, {x}, [&](BceGrad& node) {
    node.x.save(x);
    node.target.save(target);
    node.pos_weight.save(pos_weight);
  });
  return losses;
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  if (Tensor x2 = x, t2 = target; ops::autocast("mse_loss", {&x2, &t2})) return mse_loss(x2, t2, reduction);
  check("mse_loss", x, target);
  return reduced(square(x - target), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  if (Tensor x2 = x, t2 = target; ops::autocast("l1_loss", {&x2, &t2})) return l1_loss(x2, t2, reduction);
  check("l1_loss", x, target);
  return reduced(abs(x - target), reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BceWithLogitsOptions& options) {
  constexpr std::string_view op = "binary_cross_entropy_with_logits";
  if (amp::autocast_enabled()) {
    Tensor x2 = logits, t2 = target;
    BceWithLogitsOptions in_float = options;
    if (ops::autocast(op, {&x2, &t2, &in_float.weight, &in_float.pos_weight}))
      return binary_cross_entropy_with_logits(x2, t2, in_float);
  }
  check(op, logits, target);
  for (const Tensor& factor : {options.weight, options.pos_weight}) {
    const auto operands = [&] { return ops::describe({{"logits", logits}, {"weight", factor}}); };
    if (factor.defined() &&
        broadcast_shapes(logits.shape(), factor.shape(), op, operands) != logits.shape()) {
      throw ShapeError(op, fmt::format("expected weights that broadcast to {}, got {}", describe(logits),
                                       describe(factor)));
    }
  }
  return reduced(times(bce_of_elements(logits, target, options.pos_weight), options.weight),
                 options.reduction);
}

}  // namespace fornax
