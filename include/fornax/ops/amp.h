#pragma once

#include <cstdint>
#include <span>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

/// What dynamic loss scaling does to gradients, in place, without history; amp::GradScaler
/// (fornax/optim/grad_scaler.h) calls it. A scale is f32 of one element, found_inf too: not 0 where a
/// gradient held inf or NaN. No call waits for the device. All throw ShapeError, DTypeError or DeviceError
/// before anything was changed.
namespace fornax {

/// Divides all elements of all gradients (floating, of any dtypes, on one device) by `scale`, and sets
/// found_inf to 1 if one of them is inf or NaN. Gradients of 16 bits are divided in f32. Throws CudaError
/// that says so where a device failed when some had been changed.
FORNAX_API void amp_unscale_(std::span<const Tensor> gradients, const Tensor& scale, const Tensor& found_inf);

struct AmpScaleRule {
  double growth_factor = 2, backoff_factor = 0.5;
  std::int64_t growth_interval = 2000;
};
/// The scale of the next step: times backoff_factor where found_inf is not 0, else times growth_factor, if
/// that is finite, after every growth_interval steps in a row without. growth_tracker, i64 of one element,
/// counts them. As PyTorch's GradScaler; Micikevicius et al., "Mixed precision training", 2018.
FORNAX_API void amp_update_scale_(const Tensor& scale, const Tensor& growth_tracker, const Tensor& found_inf,
                                  const AmpScaleRule& rule = {});

}  // namespace fornax
