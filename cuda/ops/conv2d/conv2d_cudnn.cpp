#include "ops/conv2d/conv2d_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<Conv2dForward> conv2d_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dForward&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Conv2dForward&) {}};
constinit const dispatch::Kernel<Conv2dGradInput> conv2d_grad_input_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dGradInput&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Conv2dGradInput&) {}};
constinit const dispatch::Kernel<Conv2dGradWeight> conv2d_grad_weight_cudnn{
    {"cudnn", DeviceType::cuda, {}},
    [](const Conv2dGradWeight&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Conv2dGradWeight&) {}};

}  // namespace fornax::ops
