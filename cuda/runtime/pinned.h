#pragma once

#include <cstddef>
#include <span>

#include "fornax/device/stream.h"

/// Page-locked host memory. Locking pages costs milliseconds, so blocks are kept by size (powers of two) and
/// handed out again; a block that copies may still use waits for their events, which each allocation polls.
namespace fornax::cuda {

/// Throws OutOfMemory.
void* allocate_pinned(std::size_t bytes);
void free_pinned(void* data, std::size_t bytes, std::span<const Stream> users) noexcept;

}  // namespace fornax::cuda
