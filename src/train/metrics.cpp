#include "fornax/train/metrics.h"

#include <fmt/core.h>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/reduce.h"

namespace fornax::train {

Tensor top_k_correct(const Tensor& logits, const Tensor& target, int k) {
  constexpr std::string_view op = "top_k_correct";
  const auto operands = [&] {
    return fmt::format("logits={} target={}", describe(logits), describe(target));
  };
  if (!is_floating(logits.dtype()) || target.dtype() != i64)
    throw DTypeError(op, "expected floating logits and an i64 target, got others; " + operands());
  if (logits.rank() != 2 || target.shape() != Shape{logits.size(0)})
    throw ShapeError(op, "expected logits[N,C] and target[N], got others; " + operands());
  if (k < 1) throw ValueError(op, fmt::format("expected k of 1 or more, got {}", k));
  const NoGrad no_grad;
  const Tensor own = -nll_loss(logits, target, {.reduction = Reduction::none});
  const Tensor counts = logical_and(eq(own, own), ge(target, 0));
  if (k == 1) return sum(logical_and(counts, eq(argmax(logits, 1), target)));
  const Tensor below = sum(lt(logits, own.unsqueeze(1)), {1});
  return sum(logical_and(counts, ge(below, logits.size(1) - k)));
}

Metric top_k_accuracy(int k) {
  if (k < 1) throw ValueError("top_k_accuracy", fmt::format("expected k of 1 or more, got {}", k));
  return {
      .name = k == 1 ? "accuracy" : fmt::format("top{}", k),
      .total = [k](const Tensor& output, const Tensor& target) { return top_k_correct(output, target, k); }};
}

}  // namespace fornax::train
