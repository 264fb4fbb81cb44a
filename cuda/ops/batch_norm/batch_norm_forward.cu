#include "ops/batch_norm/batch_norm_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<BatchNormStatistics> batch_norm_statistics_cuda{
    {"blocks", DeviceType::cuda, {}},
    [](const BatchNormStatistics&) -> dispatch::Refusal { return "is not written yet"; },
    [](const BatchNormStatistics&) {}};
constinit const dispatch::Kernel<BatchNormApply> batch_norm_apply_cuda{
    {"fused", DeviceType::cuda, {}},
    [](const BatchNormApply&) -> dispatch::Refusal { return "is not written yet"; },
    [](const BatchNormApply&) {}};

}  // namespace fornax::ops
