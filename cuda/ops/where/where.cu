#include "ops/where/where_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<Where> where_cuda{
    {"elementwise", DeviceType::cuda, {}},
    [](const Where&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Where&) {}};

}  // namespace fornax::ops
