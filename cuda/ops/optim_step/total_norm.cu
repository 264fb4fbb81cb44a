#include "ops/optim_step/optim_step_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<TotalNorm> total_norm_cuda{
    {"multi_tensor", DeviceType::cuda, {}},
    [](const TotalNorm&) -> dispatch::Refusal { return "is not written yet"; },
    [](const TotalNorm&) {}};
constinit const dispatch::Kernel<ClipByNorm> clip_by_norm_cuda{
    {"multi_tensor", DeviceType::cuda, {}},
    [](const ClipByNorm&) -> dispatch::Refusal { return "is not written yet"; },
    [](const ClipByNorm&) {}};

}  // namespace fornax::ops
