#pragma once

#include <optional>
#include <string_view>

#include "fornax/base/dtype.h"
#include "fornax/base/export.h"
#include "fornax/device/device.h"

/// Automatic mixed precision: while a guard lives, ops cast their floating operands by list.
///
/// - lower (to the guard's 16-bit type): conv2d, linear, matmul
/// - full (to f32): exp, log, pow, norm, logsumexp, softmax, log_softmax, layer_norm, sum, mean, var,
///   cross_entropy, nll_loss, mse_loss, l1_loss, binary_cross_entropy_with_logits
/// - promote (operands of different floating types go to the wider one): add, sub, mul, div, maximum,
///   minimum, where, concat, stack
///
/// All other ops run in the type they are given; batch_norm takes 16-bit activations with f32 parameters and
/// statistics, and batch_norm_act casts its residual to the type of x. f64 tensors are never cast.
namespace fornax::amp {

/// Turns autocast on (or, with `enabled = false`, off) for this thread and this kind of device while alive.
class FORNAX_API Autocast {
 public:
  /// Throws DTypeError unless `dtype` is bf16 or f16.
  explicit Autocast(DeviceType device, DType dtype = DType::bf16, bool enabled = true);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  DeviceType device_;
  std::optional<DType> before_;
};

/// The 16-bit type in force on this thread for this kind of device, if any.
FORNAX_API std::optional<DType> autocast_dtype(DeviceType device);
/// True if autocast is on for any kind of device on this thread: one load, for fast paths.
FORNAX_API bool autocast_enabled() noexcept;

enum class CastPolicy { none, lower, full, promote };
/// The list that an op is on.
FORNAX_API CastPolicy policy_of(std::string_view op);

}  // namespace fornax::amp
