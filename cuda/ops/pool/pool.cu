#include "ops/pool/pool_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<MaxPool2d> max_pool2d_cuda{
    {"windows", DeviceType::cuda, {}},
    [](const MaxPool2d&) -> dispatch::Refusal { return "is not written yet"; },
    [](const MaxPool2d&) {}};
constinit const dispatch::Kernel<MaxPool2dGrad> max_pool2d_grad_cuda{
    {"windows", DeviceType::cuda, {}},
    [](const MaxPool2dGrad&) -> dispatch::Refusal { return "is not written yet"; },
    [](const MaxPool2dGrad&) {}};
constinit const dispatch::Kernel<AvgPool2d> avg_pool2d_cuda{
    {"windows", DeviceType::cuda, {}},
    [](const AvgPool2d&) -> dispatch::Refusal { return "is not written yet"; },
    [](const AvgPool2d&) {}};
constinit const dispatch::Kernel<AvgPool2dGrad> avg_pool2d_grad_cuda{
    {"windows", DeviceType::cuda, {}},
    [](const AvgPool2dGrad&) -> dispatch::Refusal { return "is not written yet"; },
    [](const AvgPool2dGrad&) {}};

}  // namespace fornax::ops
