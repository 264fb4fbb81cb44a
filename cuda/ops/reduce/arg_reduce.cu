#include "ops/reduce/arg_reduce_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<ArgReduce> arg_reduce_cuda{
    {"blocks", DeviceType::cuda, {}},
    [](const ArgReduce&) -> dispatch::Refusal { return "is not written yet"; },
    [](const ArgReduce&) {}};
constinit const dispatch::Kernel<Scatter> scatter_cuda{
    {"elementwise", DeviceType::cuda, {}},
    [](const Scatter&) -> dispatch::Refusal { return "is not written yet"; },
    [](const Scatter&) {}};

}  // namespace fornax::ops
