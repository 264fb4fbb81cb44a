#include "fornax/ops/optim_step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/replayed.h"
#include "ops/common/check.h"
#include "ops/optim_step/optim_step_op.h"

namespace fornax {
namespace {

/// What the tensors of a list must agree on.
class Checker {
 public:
  explicit Checker(std::string_view op) : op_(op) {}

  /// `tensor` belongs to `parameter`.
  void belongs(const Tensor& parameter, const Tensor& tensor, std::string_view name) {
    ops::check_defined(op_, tensor, name);
    if (tensor.shape() != parameter.shape()) fail<ShapeError>(parameter, tensor, name);
    if (tensor.dtype() != parameter.dtype()) fail<DTypeError>(parameter, tensor, name);
    if (tensor.device() != parameter.device()) fail<DeviceError>(parameter, tensor, name);
  }
  void floating(const Tensor& tensor, std::string_view name = "parameter") {
    ops::check_defined(op_, tensor, name);
    if (!is_floating(tensor.dtype()))
      throw DTypeError(op_, "expected floating tensors, got " + describe(tensor));
    if (!first_.defined()) first_ = tensor;
    if (tensor.device() != first_.device())
      throw DeviceError(
          op_, "expected tensors on one device, got " + describe(first_) + " and " + describe(tensor));
  }

 private:
  template <class E>
  [[noreturn]] void fail(const Tensor& parameter, const Tensor& tensor, std::string_view name) {
    throw E(op_, "expected a " + std::string(name) + " like its parameter, got " + describe(tensor) +
                     "; parameter=" + describe(parameter));
  }

  std::string_view op_;
  Tensor first_;
};

/// Runs an update that writes to tensors, then marks them. Where the device fails it may have written to
/// some.
template <class Run, class Mark>
void run_and_mark(Run&& run, Mark&& mark) {
  try {
    run();
  } catch (const CudaError&) {
    mark();
    throw;
  }
  mark();
}

std::vector<TensorView> floating_views(std::span<const Tensor> tensors, std::string_view op) {
  Checker check(op);
  for (const Tensor& tensor : tensors) check.floating(tensor, "one of the list");
  return {tensors.begin(), tensors.end()};
}

/// A plain struct of doubles as an array of them.
template <class Factors>
auto doubles(const Factors& factors) {
  return std::bit_cast<std::array<double, sizeof(Factors) / sizeof(double)>>(factors);
}

/// The AdamWFactors, then the correction of each step.
std::vector<double> adamw_factors(const AdamWRates& rates, const std::vector<std::int64_t>& steps) {
  const auto shared = doubles(ops::factors_of(rates));
  std::vector<double> all(shared.begin(), shared.end());
  for (const std::int64_t step : steps)
    for (const double value : doubles(ops::correction_of(rates, step))) all.push_back(value);
  return all;
}

/// Undefined unless the call is captured and its rates change.
Tensor replayed_factors(const SgdRates& rates, std::function<SgdRates()> next, Device device) {
  if (!next) return {};
  const bool has_momentum = rates.momentum != 0;
  return replayed<double>(device, doubles(ops::factors_of(rates)),
                          [has_momentum, next = std::move(next)](std::span<double> to) {
                            const SgdRates later = next();
                            if (!has_momentum && later.momentum != 0)
                              throw ValueError("sgd_step",
                                               "expected no momentum, as in the step that was "
                                               "captured, got " +
                                                   std::to_string(later.momentum));
                            std::ranges::copy(doubles(ops::factors_of(later)), to.begin());
                          });
}
Tensor replayed_factors(const AdamWRates& rates, std::function<AdamWRates()> next,
                        std::vector<std::int64_t> steps, Device device) {
  if (!next) return {};
  const std::vector<double> first = adamw_factors(rates, steps);
  return replayed<double>(device, first,
                          [next = std::move(next), steps = std::move(steps)](std::span<double> to) mutable {
                            for (std::int64_t& step : steps) ++step;
                            std::ranges::copy(adamw_factors(next(), steps), to.begin());
                          });
}

}  // namespace

void sgd_step(std::span<const SgdEntry> entries, const SgdRates& rates,
              std::function<SgdRates()> next_rates) {
  if (entries.empty()) return;
  Checker check("sgd_step");
  std::vector<ops::SgdViews> views;
  for (const SgdEntry& entry : entries) {
    check.floating(entry.parameter);
    check.belongs(entry.parameter, entry.gradient, "gradient");
    if (rates.momentum != 0) check.belongs(entry.parameter, entry.momentum_buffer, "momentum buffer");
    views.push_back({entry.parameter, entry.gradient,
                     rates.momentum != 0 ? TensorView(entry.momentum_buffer) : TensorView{}, entry.first});
  }
  const Tensor factors = replayed_factors(rates, std::move(next_rates), views[0].parameter.device);
  run_and_mark(
      [&] {
        dispatch::run(ops::sgd_step_row, ops::SgdStep{views, rates, factors});
      },
      [&] {
        for (const SgdEntry& entry : entries) {
          entry.parameter.bump_version();
          if (rates.momentum != 0) entry.momentum_buffer.bump_version();
        }
      });
}

void adamw_step(std::span<const AdamWEntry> entries, const AdamWRates& rates,
                std::function<AdamWRates()> next_rates) {
  if (entries.empty()) return;
  Checker check("adamw_step");
  std::vector<ops::AdamWViews> views;
  for (const AdamWEntry& entry : entries) {
    check.floating(entry.parameter);
    check.belongs(entry.parameter, entry.gradient, "gradient");
    check.belongs(entry.parameter, entry.exp_avg, "first moment");
    check.belongs(entry.parameter, entry.exp_avg_sq, "second moment");
    if (entry.step < 1)
      throw ValueError("adamw_step", "expected a step of 1 or more, got " + std::to_string(entry.step));
    views.push_back({entry.parameter, entry.gradient, entry.exp_avg, entry.exp_avg_sq, entry.step});
  }
  std::vector<std::int64_t> steps;
  if (next_rates)
    for (const AdamWEntry& entry : entries) steps.push_back(entry.step);
  const Tensor factors =
      replayed_factors(rates, std::move(next_rates), std::move(steps), views[0].parameter.device);
  run_and_mark(
      [&] {
        dispatch::run(ops::adamw_step_row, ops::AdamWStep{views, rates, factors});
      },
      [&] {
        for (const AdamWEntry& entry : entries)
          for (const Tensor* tensor : {&entry.parameter, &entry.exp_avg, &entry.exp_avg_sq})
            tensor->bump_version();
      });
}

Tensor total_norm(std::span<const Tensor> tensors) {
  const std::vector<TensorView> views = floating_views(tensors, "total_norm");
  if (views.empty()) throw ValueError("total_norm", "expected at least one tensor, got none");
  Tensor norm = empty({}, {.dtype = f64, .device = views[0].device});
  dispatch::run(ops::total_norm_row, ops::TotalNorm{views, norm});
  return norm;
}

void clip_by_norm_(std::span<const Tensor> tensors, const Tensor& norm, double max_norm) {
  const std::vector<TensorView> views = floating_views(tensors, "clip_by_norm_");
  if (views.empty()) return;
  ops::check_defined("clip_by_norm_", norm, "norm");
  if (norm.dtype() != f64 || norm.numel() != 1)
    throw ShapeError("clip_by_norm_", "expected a norm as total_norm gives it, got " + describe(norm));
  run_and_mark(
      [&] {
        dispatch::run(ops::clip_by_norm_row, ops::ClipByNorm{views, norm, max_norm});
      },
      [&] {
        for (const Tensor& tensor : tensors) tensor.bump_version();
      });
}

}  // namespace fornax
