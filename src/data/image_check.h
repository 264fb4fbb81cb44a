#pragma once

#include "fornax/tensor/tensor.h"

namespace fornax::data {

/// Throws ShapeError or DeviceError naming `op` unless x is an image [channels, height, width] on the CPU.
void check_image(const Tensor& x, const char* op);

}  // namespace fornax::data
