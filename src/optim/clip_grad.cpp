#include "fornax/optim/clip_grad.h"

#include <fmt/core.h>

#include <utility>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/optim_step.h"

namespace fornax::optim {

namespace {

std::vector<Tensor> gradients_of(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : parameters)
    if (Tensor grad = parameter.grad(); grad.defined()) gradients.push_back(std::move(grad));
  return gradients;
}

Tensor norm_of(const std::vector<Tensor>& gradients) {
  return gradients.empty() ? zeros({}, {.dtype = f64}) : total_norm(gradients);
}

}  // namespace

Tensor grad_norm(const std::vector<Tensor>& parameters) { return norm_of(gradients_of(parameters)); }

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm) {
  if (!(max_norm > 0))
    throw ValueError("clip_grad_norm_", fmt::format("expected a max_norm above 0, got {}", max_norm));
  const std::vector<Tensor> gradients = gradients_of(parameters);
  Tensor norm = norm_of(gradients);
  if (!gradients.empty()) clip_by_norm_(gradients, norm, max_norm);
  return norm;
}

}  // namespace fornax::optim
