#pragma once

#include "fornax/base/dtype.h"
#include "fornax/device/device.h"

namespace fornax::bench {

/// GFLOP/s that the machine can reach in `dtype`: on the CPU in a loop of multiply-adds in registers, on a
/// GPU in a product of square matrices, which is cuBLAS' where that is there.
double peak_gflops(DType dtype, Device device);

/// GB/s of a copy that is too large for caches, reads and writes counted.
double peak_gb_per_s(Device device);

}  // namespace fornax::bench
