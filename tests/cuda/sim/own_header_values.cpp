// The values that our own header gives to its names.
#include "../../../cuda/sim/include/cuda_runtime.h"

#include "cuda/sim/header_values.h"

namespace fornax::sim {

std::vector<NamedValue> own_header_values() {
  return {
#define FORNAX_NAME(name) {#name, static_cast<unsigned>(name)},
#include "cuda/sim/header_names.inc"
#undef FORNAX_NAME
  };
}

}  // namespace fornax::sim
