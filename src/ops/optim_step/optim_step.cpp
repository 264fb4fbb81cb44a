#include "fornax/ops/optim_step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/replayed.h"
#include "ops/common/tensor_list.h"
#include "ops/optim_step/optim_step_op.h"

namespace fornax {
namespace {

/// `steps` of an entry belongs to the call's found_inf.
void check_steps(ops::TensorListChecker& check, std::string_view op, const Tensor& steps,
                 const Tensor& found_inf) {
  if (steps.defined() != found_inf.defined())
    throw ValueError(op, found_inf.defined() ? "expected steps beside found_inf, got none"
                                             : "expected found_inf beside steps, got none");
  if (!found_inf.defined()) return;
  check.scalar(found_inf, f32, "found_inf");
  check.scalar(steps, i64, "steps");
}

/// A plain struct of doubles as an array of them.
template <class Factors>
auto doubles(const Factors& factors) {
  return std::bit_cast<std::array<double, sizeof(Factors) / sizeof(double)>>(factors);
}

/// The AdamWFactors, then the correction of each step.
std::vector<double> adamw_factors(const AdamWRates& rates, const std::vector<std::int64_t>& steps) {
  const ops::AdamWFactors factors = ops::factors_of(rates);
  const auto shared = doubles(factors);
  std::vector<double> all(shared.begin(), shared.end());
  for (const std::int64_t step : steps)
    for (const double value : doubles(ops::correction_of(factors, step))) all.push_back(value);
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

void sgd_step(std::span<const SgdEntry> entries, const SgdRates& rates, std::function<SgdRates()> next_rates,
              const Tensor& found_inf) {
  if (entries.empty()) return;
  ops::TensorListChecker check("sgd_step");
  std::vector<ops::SgdViews> views;
  for (const SgdEntry& entry : entries) {
    check.floating(entry.parameter);
    check.belongs(entry.parameter, entry.gradient, "gradient");
    if (rates.momentum != 0) check.belongs(entry.parameter, entry.momentum_buffer, "momentum buffer");
    check_steps(check, "sgd_step", entry.steps, found_inf);
    views.push_back({entry.parameter, entry.gradient,
                     rates.momentum != 0 ? TensorView(entry.momentum_buffer) : TensorView{}, entry.first,
                     entry.steps});
  }
  const Tensor factors = replayed_factors(rates, std::move(next_rates), views[0].parameter.device);
  ops::run_and_mark(
      [&] {
        dispatch::run(ops::sgd_step_row, ops::SgdStep{views, rates, factors, found_inf});
      },
      [&] {
        for (const SgdEntry& entry : entries) {
          entry.parameter.bump_version();
          if (rates.momentum != 0) entry.momentum_buffer.bump_version();
          if (entry.steps.defined()) entry.steps.bump_version();
        }
      });
}

void adamw_step(std::span<const AdamWEntry> entries, const AdamWRates& rates,
                std::function<AdamWRates()> next_rates, const Tensor& found_inf) {
  if (entries.empty()) return;
  ops::TensorListChecker check("adamw_step");
  std::vector<ops::AdamWViews> views;
  for (const AdamWEntry& entry : entries) {
    check.floating(entry.parameter);
    check.belongs(entry.parameter, entry.gradient, "gradient");
    check.belongs(entry.parameter, entry.exp_avg, "first moment");
    check.belongs(entry.parameter, entry.exp_avg_sq, "second moment");
    check_steps(check, "adamw_step", entry.steps, found_inf);
    if (entry.step < 1)
      throw ValueError("adamw_step", "expected a step of 1 or more, got " + std::to_string(entry.step));
    views.push_back(
        {entry.parameter, entry.gradient, entry.exp_avg, entry.exp_avg_sq, entry.step, entry.steps});
  }
  std::vector<std::int64_t> steps;
  if (next_rates && !found_inf.defined())
    for (const AdamWEntry& entry : entries) steps.push_back(entry.step);
  const Tensor factors =
      replayed_factors(rates, std::move(next_rates), std::move(steps), views[0].parameter.device);
  ops::run_and_mark(
      [&] {
        dispatch::run(ops::adamw_step_row, ops::AdamWStep{views, rates, factors, found_inf});
      },
      [&] {
        for (const AdamWEntry& entry : entries)
          for (const Tensor* tensor : {&entry.parameter, &entry.exp_avg, &entry.exp_avg_sq, &entry.steps})
            if (tensor->defined()) tensor->bump_version();
      });
}

Tensor total_norm(std::span<const Tensor> tensors) {
  const std::vector<TensorView> views = ops::floating_views(tensors, "total_norm");
  if (views.empty()) throw ValueError("total_norm", "expected at least one tensor, got none");
  Tensor norm = empty({}, {.dtype = f64, .device = views[0].device});
  dispatch::run(ops::total_norm_row, ops::TotalNorm{views, norm});
  return norm;
}

void clip_by_norm_(std::span<const Tensor> tensors, const Tensor& norm, double max_norm) {
  const std::vector<TensorView> views = ops::floating_views(tensors, "clip_by_norm_");
  if (views.empty()) return;
  ops::check_defined("clip_by_norm_", norm, "norm");
  if (norm.dtype() != f64 || norm.numel() != 1)
    throw ShapeError("clip_by_norm_", "expected a norm as total_norm gives it, got " + describe(norm));
  ops::run_and_mark(
      [&] {
        dispatch::run(ops::clip_by_norm_row, ops::ClipByNorm{views, norm, max_norm});
      },
      [&] {
        for (const Tensor& tensor : tensors) tensor.bump_version();
      });
}

}  // namespace fornax
