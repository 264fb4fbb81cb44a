#include "ops/unary/unary_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<Unary> unary_cuda{
    {"elementwise", DeviceType::cuda, {}},
    [](const Unary&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Unary&) {}};
constinit const dispatch::Kernel<UnaryGrad> unary_grad_cuda{
    {"elementwise", DeviceType::cuda, {}},
    [](const UnaryGrad&) -> dispatch::Refusal { return "is not written yet"; },
    [](const UnaryGrad&) {}};

}  // namespace fornax::ops
