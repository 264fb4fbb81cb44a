#include "fornax/autograd/gradcheck.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"

namespace fornax::autograd {
namespace {

/// Fixed weights of mixed sign that no symmetry of an op cancels.
double weight(std::size_t i) { return std::sin(1.0 + 0.7 * static_cast<double>(i)) + 0.25; }

double weighted_sum(const Tensor& y) {
  double total = 0;
  const std::vector<double> values = y.to_vector<double>();
  for (std::size_t i = 0; i < values.size(); ++i) total += weight(i) * values[i];
  return total;
}

Tensor weights_like(const Tensor& y) {
  std::vector<double> values(static_cast<std::size_t>(y.numel()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = weight(i);
  return from_span<double>(values, y.shape());
}

/// The address of element `index`, counted in row-major order of the logical shape.
double* element(const Tensor& x, std::int64_t index) {
  double* at = x.data<double>();
  for (int axis = x.rank() - 1; axis >= 0; --axis) {
    at += index % x.shape()[axis] * x.strides()[axis];
    index /= x.shape()[axis];
  }
  return at;
}

/// Takes the gradients away while alive.
class WithoutGrads {
 public:
  explicit WithoutGrads(std::vector<Tensor> checked) : checked_(std::move(checked)) {
    for (const Tensor& x : checked_) grads_.push_back(x.grad());
    for (Tensor& x : checked_) x.set_grad({});
  }
  ~WithoutGrads() {
    for (std::size_t i = 0; i < checked_.size(); ++i) checked_[i].set_grad(std::move(grads_[i]));
  }
  WithoutGrads(const WithoutGrads&) = delete;
  WithoutGrads& operator=(const WithoutGrads&) = delete;

 private:
  std::vector<Tensor> checked_, grads_;
};

/// Puts a value back when it dies, also where `f` throws.
class Restore {
 public:
  explicit Restore(double* at) : at_(at), value_(*at) {}
  ~Restore() { *at_ = value_; }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  double* at_;
  double value_;
};

}  // namespace

GradcheckResult gradcheck(const std::function<Tensor(std::span<const Tensor>)>& f, std::vector<Tensor> inputs,
                          const GradcheckOptions& options) {
  std::vector<Tensor> analytic, checked;
  for (const Tensor& input : inputs) {
    if (!input.defined() || !input.requires_grad()) continue;
    if (input.dtype() != f64 || !input.device().is_cpu())
      throw DTypeError("gradcheck", "expected inputs in f64 on the CPU, got " + describe(input));
    checked.push_back(input);
  }
  const WithoutGrads without_grads(std::move(checked));
  const Tensor y = f(inputs);
  y.backward(weights_like(y));
  for (const Tensor& input : inputs) analytic.push_back(input.defined() ? input.grad() : Tensor());
  const NoGrad no_grad;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const Tensor& input = inputs[k];
    if (!input.defined() || !input.requires_grad()) continue;
    const std::vector<double> grads = analytic[k].defined()
                                          ? analytic[k].to_vector<double>()
                                          : std::vector<double>(static_cast<std::size_t>(input.numel()));
    const std::int64_t stride = std::max<std::int64_t>(1, input.numel() / options.max_entries);
    for (std::int64_t i = 0; i < input.numel(); i += stride) {
      double* at = element(input, i);
      const Restore restore(at);
      const double value = *at;
      *at = value + options.step;
      const double above = weighted_sum(f(inputs));
      *at = value - options.step;
      const double below = weighted_sum(f(inputs));
      const double numeric = (above - below) / (2 * options.step), got = grads[static_cast<std::size_t>(i)];
      if (!(std::abs(got - numeric) <= options.absolute + options.relative * std::abs(numeric))) {
        return {false, fmt::format("input {} ({}), entry {}: backward gives {}, central differences give {}",
                                   k, describe(input), i, got, numeric)};
      }
    }
  }
  return {};
}

}  // namespace fornax::autograd
