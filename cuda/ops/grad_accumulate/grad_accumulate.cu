#include "ops/grad_accumulate/grad_accumulate_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<autograd::GradAccumulate> grad_accumulate_cuda{
    {"elementwise", DeviceType::cuda, {}},
    [](const autograd::GradAccumulate&) -> dispatch::Refusal { return "is not written yet"; },
    [](const autograd::GradAccumulate&) {}};
constinit const dispatch::Kernel<autograd::FindNonfinite> find_nonfinite_cuda{
    {"scan", DeviceType::cuda, {}},
    [](const autograd::FindNonfinite&) -> dispatch::Refusal { return "is not written yet"; },
    [](const autograd::FindNonfinite&) {}};

}  // namespace fornax::ops
