#pragma once

#include "fornax/base/export.h"
#include "fornax/device/stream.h"

namespace fornax::cuda {

/// How long a stream of a CUDA device works, by the device's clock.
class FORNAX_API StreamTimer {
 public:
  /// Starts where the work enqueued on `stream` so far is done. Throws DeviceError without CUDA.
  explicit StreamTimer(Stream stream);

  /// From the start until all that was enqueued since is done. Waits for the device.
  double seconds() const;

 private:
  Stream stream_;
  Event start_;
};

}  // namespace fornax::cuda
