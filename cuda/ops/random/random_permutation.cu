#include "ops/random/random_op.h"

namespace fornax::ops {

constinit const dispatch::Kernel<RandomPermutation> random_permutation_cuda{
    {"sort", DeviceType::cuda, {}},
    [](const RandomPermutation&) -> dispatch::Refusal { return "is not written yet"; },
    [](const RandomPermutation&) {}};

}  // namespace fornax::ops
