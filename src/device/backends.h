#pragma once

#include "fornax/device/stream.h"

namespace fornax {

class Backend;
Backend& cpu_backend();
/// Null in a build without CUDA.
Backend* cuda_backend();

/// For destructors that could not make anybody wait for `stream`: waits for it on the host. True if nothing
/// given to it so far runs any more, as it is done or its device lost.
bool finish_quietly(const Stream& stream) noexcept;

}  // namespace fornax
