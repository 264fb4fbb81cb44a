#include "cuda/sim/shared_helper.h"

namespace fornax::cuda::test {

float element_on_host(const float* values, int index) { return element_of(values, index); }

}  // namespace fornax::cuda::test
