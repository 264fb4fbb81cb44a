#include "fornax/optim/clip_grad.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/optim_step.h"

namespace fornax::optim {

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm) {
  if (!(max_norm > 0))
    throw ValueError("clip_grad_norm_", fmt::format("expected a max_norm above 0, got {}", max_norm));
  std::vector<Tensor> gradients;
  for (const Tensor& parameter : parameters)
    if (Tensor grad = parameter.grad(); grad.defined()) gradients.push_back(std::move(grad));
  if (gradients.empty()) return zeros({}, {.dtype = f64});
  Tensor norm = total_norm(gradients);
  clip_by_norm_(gradients, norm, max_norm);
  return norm;
}

}  // namespace fornax::optim
