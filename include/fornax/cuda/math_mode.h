#pragma once

#include "fornax/base/export.h"

namespace fornax::cuda {

/// Whether products and convolutions in f32 may round their operands to TF32 (10 bits of mantissa instead of 23)
/// and run on tensor cores, where the device has them: about 8 times as fast, errors of 1e-3 instead of 1e-7.
/// Of the process; off unless set. 16-bit types and f64 are not touched.
FORNAX_API void set_allow_tf32(bool allow);
FORNAX_API bool allow_tf32();

}  // namespace fornax::cuda
