#include "ops/cross_entropy/cross_entropy_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<CrossEntropy> cross_entropy_cuda{
    {"rows", DeviceType::cuda, {}},
    [](const CrossEntropy&) -> dispatch::Refusal { return "is not written yet"; },
    [](const CrossEntropy&) {}};
constinit const dispatch::Kernel<CrossEntropyGrad> cross_entropy_grad_cuda{
    {"rows", DeviceType::cuda, {}},
    [](const CrossEntropyGrad&) -> dispatch::Refusal { return "is not written yet"; },
    [](const CrossEntropyGrad&) {}};

}  // namespace fornax::ops
