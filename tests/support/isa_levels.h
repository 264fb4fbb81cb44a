#pragma once

#include <vector>

#include "cpu/isa.h"

namespace fornax::cpu {

/// The instruction-set levels that can be tested here, for parametrised tests.
inline std::vector<Isa> levels_of_this_machine() {
  std::vector<Isa> levels;
  for (int i = 0; i <= static_cast<int>(best_isa()); ++i) levels.push_back(static_cast<Isa>(i));
  return levels;
}

}  // namespace fornax::cpu
