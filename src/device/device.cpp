#include "fornax/device/device.h"

#include "device/backends.h"
#include "fornax/base/error.h"
#include "fornax/device/backend.h"

namespace fornax {

std::string to_string(Device device) {
  return device.is_cpu() ? "cpu" : "cuda:" + std::to_string(device.index);
}

Backend& backend_of(DeviceType type) {
  if (type == DeviceType::cpu) return cpu_backend();
  if (Backend* cuda = cuda_backend()) return *cuda;
  throw DeviceError("device",
                    "expected a build with CUDA, got one without (configure with -DFORNAX_CUDA=ON)");
}

int device_count(DeviceType type) {
  if (type == DeviceType::cpu) return 1;
  Backend* cuda = cuda_backend();
  return cuda ? cuda->device_count(nullptr) : 0;
}

Device best_device(std::string* reason) {
  std::string why = "this build has no CUDA backend";
  Backend* cuda = cuda_backend();
  if (cuda && cuda->device_count(&why) > 0) {
    if (reason) *reason = "cuda:0 works";
    return Device::cuda(0);
  }
  if (reason) *reason = why;
  return Device::cpu();
}

}  // namespace fornax
