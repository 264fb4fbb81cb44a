#include "ops/normalize_images/normalize_images_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<NormalizeImages> normalize_images_cuda{
    {"pixels", DeviceType::cuda, {}},
    [](const NormalizeImages&) -> dispatch::Refusal { return "is not written yet"; },
    [](const NormalizeImages&) {}};

}  // namespace fornax::ops
