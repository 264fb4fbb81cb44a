#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "fornax/tensor/tensor.h"

/// Update rules of optimizers over many parameters at once, in place, without history. All tensors of one
/// call are on one device and floating; the tensors of one entry have one shape and dtype, their strides may
/// differ. None waits for the device. All throw ShapeError, DTypeError or DeviceError before anything was
/// changed, and a CudaError that says so where a device failed when some tensors had been changed.
///
/// Where the call is captured (cuda::CudaGraph) `next_rates` gives the rates of each later run, as next() of
/// replayed() does; without it they stay what they were. Elsewhere it is not called.
///
/// A call with `found_inf`, f32 of one element on the device of the parameters, is decided there: it changes
/// nothing where that is not 0 (amp_unscale_ sets it). Then each entry needs `steps`, i64 of one element on
/// the same device, the updates so far, which takes the place of SgdEntry::first and AdamWEntry::step and
/// which an update that is made counts up. Throws ValueError where one of them is without the other.
namespace fornax {

/// One parameter of sgd_step.
struct SgdEntry {
  Tensor parameter, gradient;
  /// Undefined where momentum is 0.
  Tensor momentum_buffer;
  /// The buffer holds nothing yet: it is set instead of updated.
  bool first = false;
  /// Of calls with found_inf.
  Tensor steps = {};
};
struct SgdRates {
  double lr = 0.1, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};
/// d = g + weight_decay p; b = momentum b + (1 - dampening) d, or b = d at first; p -= lr (nesterov ? d +
/// momentum b : b), or lr d without momentum. As PyTorch's SGD, after Sutskever et al. 2013. Rates of later
/// runs have a momentum only where the captured ones have, else ValueError.
FORNAX_API void sgd_step(std::span<const SgdEntry> entries, const SgdRates& rates,
                         std::function<SgdRates()> next_rates = {}, const Tensor& found_inf = {});

/// One parameter of adamw_step; `step` counts from 1.
struct AdamWEntry {
  Tensor parameter, gradient, exp_avg, exp_avg_sq;
  std::int64_t step = 1;
  /// Of calls with found_inf.
  Tensor steps = {};
};
struct AdamWRates {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
};
/// p -= lr weight_decay p; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
/// p -= lr m / (1 - beta1^step) / (sqrt(v / (1 - beta2^step)) + eps). Loshchilov and Hutter 2019, as
/// PyTorch's AdamW. In later runs of a captured call steps count on.
FORNAX_API void adamw_step(std::span<const AdamWEntry> entries, const AdamWRates& rates,
                           std::function<AdamWRates()> next_rates = {}, const Tensor& found_inf = {});

/// The 2-norm of all elements of all tensors together, as a 0-d f64 tensor on their device. The order of
/// summation depends on the shapes alone. Throws ValueError for no tensors.
FORNAX_API Tensor total_norm(std::span<const Tensor> tensors);
/// Multiplies all elements of all tensors in place by min(1, max_norm / (norm + 1e-6)), `norm` as total_norm
/// gives it.
FORNAX_API void clip_by_norm_(std::span<const Tensor> tensors, const Tensor& norm, double max_norm);

}  // namespace fornax
