// The values that the header in use gives to its names: the CUDA Toolkit's, where it is there.
#include <cuda_runtime.h>

#include "cuda/sim/header_values.h"

namespace fornax::sim {

std::vector<NamedValue> header_values() {
  return {
#define FORNAX_NAME(name) {#name, static_cast<unsigned>(name)},
#include "cuda/sim/header_names.inc"
#undef FORNAX_NAME
  };
}

}  // namespace fornax::sim
