#pragma once

#include "fornax/base/export.h"
#include "fornax/device/stream.h"

/// Streams of CUDA devices. All are non-blocking: nothing here is ordered by CUDA's null stream.
namespace fornax::cuda {

enum class StreamPriority { normal, high };

/// One of the streams that Fornax keeps for `device`, made on first use and never destroyed. After 32 of a
/// priority they are handed out again in turn. Throws DeviceError without CUDA or such a device.
FORNAX_API Stream stream_from_pool(Device device, StreamPriority priority = StreamPriority::normal);

/// The cudaStream_t behind `stream`, which must be a CUDA device's, for calls of CUDA libraries of your own.
FORNAX_API void* native_handle(Stream stream);

}  // namespace fornax::cuda
