#include "fornax/data/mixup.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/rearrange.h"

namespace fornax::data {
namespace {

/// Uniform in (0, 1).
double inner_uniform(SampleRandom& random) { return (random.bits() + 0.5) * 0x1p-32; }

double normal(SampleRandom& random) {
  const double length = std::sqrt(-2 * std::log(inner_uniform(random)));
  return length * std::cos(2 * std::numbers::pi * inner_uniform(random));
}

/// The logarithm of a number of the gamma distribution (Marsaglia and Tsang, 2000): for a small shape the
/// number itself may be too small for a double.
double log_gamma_number(SampleRandom& random, double shape) {
  if (shape < 1) return log_gamma_number(random, shape + 1) + std::log(inner_uniform(random)) / shape;
  const double d = shape - 1. / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal(random), root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(inner_uniform(random)) < x * x / 2 + d - d * v + d * std::log(v)) return std::log(d * v);
  }
}

/// A number of Beta(alpha, alpha).
double beta_number(SampleRandom& random, double alpha) {
  const double a = log_gamma_number(random, alpha), b = log_gamma_number(random, alpha);
  return 1 / (1 + std::exp(b - a));
}

void check_alpha(const char* op, double alpha) {
  if (!(alpha > 0 && std::isfinite(alpha)))
    throw ValueError(op, fmt::format("expected an alpha above 0, got {}", alpha));
}

/// The samples, each one place further on.
Tensor rolled(const Tensor& x) {
  const std::int64_t count = x.size(0);
  if (count < 2) return x;
  return concat({x.narrow(0, count - 1, 1), x.narrow(0, 0, count - 1)});
}

}  // namespace

MixedBatch mixup(const Batch& batch, double alpha, SampleRandom& random) {
  check_alpha("mixup", alpha);
  if (!is_floating(batch.x.dtype()))
    throw DTypeError("mixup", fmt::format("expected floating samples, got {}", describe(batch.x)));
  const NoGrad no_grad;
  const double weight = beta_number(random, alpha);
  return {batch.x * weight + rolled(batch.x) * (1 - weight), batch.label, rolled(batch.label), weight};
}

MixedBatch cutmix(const Batch& batch, double alpha, SampleRandom& random) {
  check_alpha("cutmix", alpha);
  if (batch.x.rank() != 4)
    throw ShapeError("cutmix", fmt::format("expected images [N,C,H,W], got {}", describe(batch.x)));
  const NoGrad no_grad;
  const std::int64_t height = batch.x.size(2), width = batch.x.size(3);
  const double half = 0.5 * std::sqrt(1 - beta_number(random, alpha));
  // The middle is anywhere in the image, so that a part of the rectangle may be outside.
  struct Range {
    std::int64_t first, last;
  };
  const auto range = [&](std::int64_t size) {
    const std::int64_t middle = random.below(size);
    const auto reach = static_cast<std::int64_t>(half * static_cast<double>(size));
    return Range{std::max<std::int64_t>(middle - reach, 0), std::min(middle + reach, size)};
  };
  const Range columns = range(width), rows = range(height);
  const auto part = [&](const Tensor& x) {
    return x.narrow(2, rows.first, rows.last - rows.first)
        .narrow(3, columns.first, columns.last - columns.first);
  };
  Tensor x = batch.x.clone();
  part(x).copy_(part(rolled(batch.x)));
  const auto cut = (rows.last - rows.first) * (columns.last - columns.first);
  return {x, batch.label, rolled(batch.label),
          1 - static_cast<double>(cut) / static_cast<double>(height * width)};
}

}  // namespace fornax::data
