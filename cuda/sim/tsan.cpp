#include <cstddef>

#include "sim/block.h"

namespace fornax::sim {

#if !defined(FORNAX_SIM_TRACKED)
void note_atomic(const void*, std::size_t, const void*) {}
#endif

}  // namespace fornax::sim
