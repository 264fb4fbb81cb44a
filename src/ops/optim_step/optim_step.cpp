#include "fornax/ops/optim_step.h"

#include "fornax/base/error.h"
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

}  // namespace

void sgd_step(std::span<const SgdEntry> entries, const SgdRates& rates) {
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
  run_and_mark(
      [&] {
        dispatch::run(ops::sgd_step_row, ops::SgdStep{views, rates});
      },
      [&] {
        for (const SgdEntry& entry : entries) {
          entry.parameter.bump_version();
          if (rates.momentum != 0) entry.momentum_buffer.bump_version();
        }
      });
}

void adamw_step(std::span<const AdamWEntry> entries, const AdamWRates& rates) {
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
  run_and_mark(
      [&] {
        dispatch::run(ops::adamw_step_row, ops::AdamWStep{views, rates});
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
