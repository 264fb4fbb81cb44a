#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<SgdStep> sgd_step_cuda{
    {"multi_tensor", DeviceType::cuda, {}},
    [](const SgdStep&) -> dispatch::Refusal { return "is not written yet"; },
    [](const SgdStep&) {}};
constinit const dispatch::Kernel<AdamWStep> adamw_step_cuda{
    {"multi_tensor", DeviceType::cuda, {}},
    [](const AdamWStep&) -> dispatch::Refusal { return "is not written yet"; },
    [](const AdamWStep&) {}};

}  // namespace fornax::ops
