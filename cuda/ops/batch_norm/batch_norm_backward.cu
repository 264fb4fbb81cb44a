#include "ops/batch_norm/batch_norm_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<BatchNormGradParameters> batch_norm_grad_parameters_cuda{
    {"blocks", DeviceType::cuda, {}},
    [](const BatchNormGradParameters&) -> dispatch::Refusal { return "is not written yet"; },
    [](const BatchNormGradParameters&) {}};
constinit const dispatch::Kernel<BatchNormGradInput> batch_norm_grad_input_cuda{
    {"fused", DeviceType::cuda, {}},
    [](const BatchNormGradInput&) -> dispatch::Refusal { return "is not written yet"; },
    [](const BatchNormGradInput&) {}};

}  // namespace fornax::ops
