#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "fornax/base/export.h"

/// Switches of the process for CUDA's libraries. They hold for what is enqueued after them.
namespace fornax::cuda {

/// Whether products and convolutions in f32 may round their operands to TF32 (10 bits of mantissa instead of
/// 23) and run on tensor cores, where the device has them: several times as fast, errors of 1e-3 instead of
/// 1e-7. 16-bit types and f64 are not touched. Off unless set.
FORNAX_API void set_allow_tf32(bool allow);
FORNAX_API bool allow_tf32();

/// Whether convolutions may use plans that add in another order from run to run, and so give other bits. Off
/// unless set.
FORNAX_API void set_allow_nondeterministic(bool allow);
FORNAX_API bool allow_nondeterministic();

/// Whether the first run of each convolution measures the plans that cuDNN proposes, on its operands, and
/// keeps the fastest, instead of taking the first. That run waits for the device; another process may choose
/// another plan, and so get other bits, unless set_cudnn_choices() tells it. Off unless set. Nothing is
/// measured while a CudaGraph captures: its warm-up has done so.
FORNAX_API void set_cudnn_benchmark(bool measure);
FORNAX_API bool cudnn_benchmark();

/// Of a kind of device and a convolution, which of cuDNN's proposals measured fastest, counted from 0.
using CudnnChoices = std::map<std::string, std::int64_t>;
/// What has been measured so far, or taken over. Empty in a build without CUDA.
FORNAX_API CudnnChoices cudnn_choices();
/// Takes over what another process has measured, in place of all that this one has: convolutions that it
/// names are not measured again, and so have the other's bits. A train::Trainer does it when it resumes. A
/// place for which cuDNN has no proposal is as one that is not named. Throws ValueError for one below 0.
FORNAX_API void set_cudnn_choices(CudnnChoices choices);

}  // namespace fornax::cuda
