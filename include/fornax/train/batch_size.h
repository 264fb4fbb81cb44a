#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "fornax/base/export.h"
#include "fornax/device/device.h"

namespace fornax::train {

struct BatchSizeOptions {
  std::int64_t at_most = 1024;
  /// Bytes that a step may take besides what is in use; not given: 80 % of what is available
  /// (available_host_memory, cuda::available_memory).
  std::optional<std::size_t> memory = {};
};

/// The largest power of two of samples with which a step fits into the memory of `device`. `step` makes a
/// whole one with so many samples: forward, backward and the update, of a copy of the model if that must stay
/// what it is. It is called with 4 and 8, from whose peaks those of larger ones are told; on a GPU, or where
/// these throw OutOfMemory, also with the result, which is halved while that throws. Resets the peaks of
/// memory statistics. Throws ValueError unless at_most is 1 or more, and what `step` throws. Waits for the
/// device.
FORNAX_API std::int64_t find_batch_size(Device device, const std::function<void(std::int64_t samples)>& step,
                                        const BatchSizeOptions& options = {});

}  // namespace fornax::train
