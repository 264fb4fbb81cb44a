#pragma once

#include <cstdint>

#include "fornax/base/function_ref.h"
#include "fornax/data/dataset.h"

namespace fornax::data {

/// Calls `make`; what it throws is nested in a SampleError that names the sample.
void naming_sample(const Dataset& dataset, std::int64_t index, FunctionRef<void()> make);

}  // namespace fornax::data
