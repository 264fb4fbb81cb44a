#pragma once

#include <string>

namespace fornax::sim {

/// The name of the range that this thread began last and has not ended; empty if there is none.
std::string current_range();

}  // namespace fornax::sim
