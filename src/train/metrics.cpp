#include "fornax/train/metrics.h"

#include <fmt/core.h>

#include <limits>
#include <string>
#include <utility>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"
#include "fornax/ops/create.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/loss.h"
#include "fornax/ops/matmul.h"
#include "fornax/ops/reduce.h"

namespace fornax::train {

namespace {

std::string describe(const Tensor& logits, const Tensor& target) {
  return fmt::format("logits={} target={}", fornax::describe(logits), fornax::describe(target));
}

void check(std::string_view op, const Tensor& logits, const Tensor& target) {
  if (!is_floating(logits.dtype()) || target.dtype() != i64)
    throw DTypeError(op,
                     "expected floating logits and an i64 target, got others; " + describe(logits, target));
  if (logits.rank() != 2 || target.shape() != Shape{logits.size(0)})
    throw ShapeError(op, "expected logits[N,C] and target[N], got others; " + describe(logits, target));
}

/// f32 [N,C] with a 1 in column index[i] of row i, if there is one.
Tensor one_hot(const Tensor& index, std::int64_t classes) {
  const Tensor columns = arange(0, classes, 1, i64, index.device());
  return eq(index.unsqueeze(1), columns.unsqueeze(0)).to(f32);
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

Tensor top_k_correct(const Tensor& logits, const Tensor& target, int k) {
  constexpr std::string_view op = "top_k_correct";
  check(op, logits, target);
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

void RunningMean::update(const Tensor& mean, std::int64_t count) {
  constexpr std::string_view op = "RunningMean";
  if (!is_floating(mean.dtype()))
    throw DTypeError(op, "expected a floating mean, got " + fornax::describe(mean));
  if (mean.numel() != 1) throw ShapeError(op, "expected one number, got " + fornax::describe(mean));
  if (count < 0) throw ValueError(op, fmt::format("expected a count of 0 or more, got {}", count));
  const NoGrad no_grad;
  if (!sum_.defined()) sum_ = zeros({}, {.dtype = f64, .device = mean.device()});
  sum_.add_(mean.detach().reshape({}).to(f64), count);
  count_ += count;
}

double RunningMean::value() const {
  return count_ == 0 ? std::numeric_limits<double>::quiet_NaN() : sum_.item() / static_cast<double>(count_);
}

ConfusionMatrix::ConfusionMatrix(std::int64_t classes) {
  if (classes < 1)
    throw ValueError("ConfusionMatrix", fmt::format("expected 1 class or more, got {}", classes));
  counts_ = zeros({classes, classes}, {.dtype = i64});
}

// As a product of matrices of ones and zeros, whose sums f32 holds exactly.
void ConfusionMatrix::update(const Tensor& logits, const Tensor& target) {
  constexpr std::string_view op = "ConfusionMatrix";
  check(op, logits, target);
  const std::int64_t classes = counts_.size(0);
  if (logits.size(1) != classes)
    throw ShapeError(
        op, fmt::format("expected logits of {} classes, got others; {}", classes, describe(logits, target)));
  const NoGrad no_grad;
  const amp::Autocast no_cpu_cast(DeviceType::cpu, bf16, false), no_cuda_cast(DeviceType::cuda, bf16, false);
  if (!std::exchange(has_device_, true)) counts_ = counts_.to(logits.device());
  if (logits.size(0) == 0) return;
  const Tensor values = logits.detach();
  const auto [largest, prediction] = max(values, 1);
  const Tensor predicted = where(eq(largest, largest), prediction, -1);
  counts_.add_(matmul(one_hot(target, classes).mT(), one_hot(predicted, classes)).to(i64));
}

ClassificationReport ConfusionMatrix::report() const {
  const std::int64_t classes = counts_.size(0);
  const std::vector<std::int64_t> counts = counts_.to_vector<std::int64_t>();
  const auto count = [&](std::int64_t target, std::int64_t prediction) {
    return counts[static_cast<std::size_t>(target * classes + prediction)];
  };
  ClassificationReport report;
  std::int64_t right = 0;
  for (std::int64_t c = 0; c < classes; ++c) {
    std::int64_t predictions = 0, samples = 0;
    for (std::int64_t other = 0; other < classes; ++other) {
      predictions += count(other, c);
      samples += count(c, other);
    }
    right += count(c, c);
    report.classes.push_back({.precision = ratio(count(c, c), predictions),
                              .recall = ratio(count(c, c), samples),
                              .f1 = ratio(2 * count(c, c), predictions + samples),
                              .support = samples});
    const ClassMetrics& own = report.classes.back();
    report.macro.precision += own.precision / static_cast<double>(classes);
    report.macro.recall += own.recall / static_cast<double>(classes);
    report.macro.f1 += own.f1 / static_cast<double>(classes);
    report.macro.support += samples;
  }
  report.accuracy = ratio(right, report.macro.support);
  return report;
}

void ConfusionMatrix::reset() { counts_ = zeros_like(counts_); }

}  // namespace fornax::train
