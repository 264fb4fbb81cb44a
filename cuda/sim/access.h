#pragma once

#include <cstddef>

#include "sim/simulator.h"

namespace fornax::sim {

/// The running operation, no kernel, reads or writes all of this device memory. False, and a report, if it is
/// not all in one live block; else races are looked for (if tracked).
bool access(const void* data, std::size_t bytes, Access access);

}  // namespace fornax::sim
