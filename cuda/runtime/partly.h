#pragma once

#include <string_view>

#include "fornax/base/error.h"

namespace fornax::cuda {

/// Of an op that changes tensors in several launches: throws a CudaError that says what `error` does not,
/// that `launches` of them had been enqueued before.
[[noreturn]] void fail_partly(std::string_view op, int launches, const Error& error);

}  // namespace fornax::cuda
