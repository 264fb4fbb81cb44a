#pragma once

#include "autograd/contracts.h"

/// The kernels of autograd's own contracts.
namespace fornax::ops {

extern const dispatch::Kernel<autograd::GradAccumulate> grad_accumulate_cpu, grad_accumulate_cuda;
extern const dispatch::Kernel<autograd::FindNonfinite> find_nonfinite_cpu, find_nonfinite_cuda;

}  // namespace fornax::ops
