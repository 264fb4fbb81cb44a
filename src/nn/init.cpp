#include "fornax/nn/init.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/random.h"

namespace fornax::nn::init {
namespace {

double kaiming_deviation(const Tensor& tensor, const KaimingOptions& options) {
  const Fan fan = fan_of(tensor.shape());
  const std::int64_t count = options.mode == FanMode::in ? fan.in : fan.out;
  return gain(options.nonlinearity, options.a) / std::sqrt(static_cast<double>(count));
}

double xavier_deviation(const Tensor& tensor, double gain) {
  const Fan fan = fan_of(tensor.shape());
  return gain * std::sqrt(2.0 / static_cast<double>(fan.in + fan.out));
}

/// A uniform distribution of this deviation.
Tensor uniform_of_deviation(Tensor tensor, double deviation) {
  const double bound = std::numbers::sqrt3 * deviation;
  return init::uniform_(std::move(tensor), -bound, bound);
}

/// The coefficients' polynomial in w, the first one at the highest power.
Tensor polynomial(const Tensor& w, std::span<const double> coefficients) {
  Tensor sum = w * coefficients[0] + coefficients[1];
  for (const double coefficient : coefficients.subspan(2)) sum = sum * w + coefficient;
  return sum;
}

/// The inverse of the error function in (-1, 1), to single precision: Giles, "Approximating the erfinv
/// function" (2010).
Tensor erfinv(const Tensor& x) {
  constexpr double centre[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                               -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  constexpr double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                             -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  const Tensor w = -log((1 - x) * (1 + x));
  return x * where(lt(w, 5), polynomial(w - 2.5, centre), polynomial(sqrt(maximum(w, 5)) - 3, tail));
}

}  // namespace

Fan fan_of(const Shape& weight) {
  if (weight.rank() < 2)
    throw ShapeError("init", fmt::format("expected a weight [out, in, ...], got {}", to_string(weight)));
  std::int64_t field = 1;
  for (int axis = 2; axis < weight.rank(); ++axis) field *= weight[axis];
  return {weight[1] * field, weight[0] * field};
}

double gain(Nonlinearity nonlinearity, double negative_slope) {
  switch (nonlinearity) {
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::numbers::sqrt2;
    case Nonlinearity::leaky_relu: return std::sqrt(2 / (1 + negative_slope * negative_slope));
    case Nonlinearity::selu: return 0.75;
    case Nonlinearity::linear:
    case Nonlinearity::sigmoid: break;
  }
  return 1;
}

Tensor kaiming_uniform_(Tensor tensor, const KaimingOptions& options) {
  return uniform_of_deviation(tensor, kaiming_deviation(tensor, options));
}

Tensor kaiming_normal_(Tensor tensor, const KaimingOptions& options) {
  return init::normal_(tensor, 0, kaiming_deviation(tensor, options));
}

Tensor xavier_uniform_(Tensor tensor, double gain) {
  return uniform_of_deviation(tensor, xavier_deviation(tensor, gain));
}

Tensor xavier_normal_(Tensor tensor, double gain) {
  return init::normal_(tensor, 0, xavier_deviation(tensor, gain));
}

Tensor uniform_(Tensor tensor, double low, double high) {
  const NoGrad no_grad;
  return fornax::uniform_(tensor, low, high);
}

Tensor normal_(Tensor tensor, double mean, double deviation) {
  const NoGrad no_grad;
  return fornax::normal_(tensor, mean, deviation);
}

Tensor trunc_normal_(Tensor tensor, double mean, double deviation, double low, double high) {
  const double from = (low - mean) / deviation, to = (high - mean) / deviation;
  if (!(from < to && from < 5 && to > -5))
    throw ValueError("trunc_normal_",
                     fmt::format("expected bounds around the mean, got mean={} deviation={} low={} "
                                 "high={}",
                                 mean, deviation, low, high));
  // A uniform share of the probability between the bounds, through the inverse of the distribution.
  const NoGrad no_grad;
  const auto probability = [](double z) {
    return std::clamp(std::erf(z / std::numbers::sqrt2), -1 + 1e-6, 1 - 1e-6);
  };
  Tensor x = empty_like(tensor, f32);
  x = erfinv(fornax::uniform_(x, probability(from), probability(to)));
  return tensor.copy_(clamp(x * (std::numbers::sqrt2 * deviation) + mean, low, high));
}

Tensor constant_(Tensor tensor, double value) {
  const NoGrad no_grad;
  return tensor.fill_(value);
}

Tensor zeros_(Tensor tensor) { return constant_(std::move(tensor), 0); }
Tensor ones_(Tensor tensor) { return constant_(std::move(tensor), 1); }

}  // namespace fornax::nn::init
