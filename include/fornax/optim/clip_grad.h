#pragma once

#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

namespace fornax::optim {

/// The Euclidean norm of all gradients together, a tensor of one element. Does not wait for the device.
FORNAX_API Tensor grad_norm(const std::vector<Tensor>& parameters);

/// Scales all gradients together, in place, so that their Euclidean norm is at most `max_norm`, and gives the
/// norm that they had, a tensor of one element. Gradients that are not finite stay so: look at the norm. Does
/// not wait for the device. Throws ValueError unless max_norm is above 0.
FORNAX_API Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm);

}  // namespace fornax::optim
