#include "ops/random/random_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<Random> random_cuda{
    {"philox", DeviceType::cuda, {}},
    [](const Random&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Random&) {}};

}  // namespace fornax::ops
