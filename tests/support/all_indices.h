#pragma once

#include <cstdint>
#include <vector>

#include "fornax/data/dataset.h"
#include "fornax/data/sampler.h"

namespace fornax::test {

/// Those of a set, in order.
inline std::vector<std::int64_t> all_indices(const data::Dataset& set) {
  return data::sequential_sampler(set.size(), {});
}

}  // namespace fornax::test
