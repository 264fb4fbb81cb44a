#pragma once

#include "fornax/base/export.h"
#include "fornax/device/stream.h"
#include "fornax/tensor/tensor.h"

/// Copies that overlap with work: between page-locked host memory and a device.
namespace fornax {

/// A CPU tensor in page-locked memory: `x` itself if it is there already, else a copy. `x.to(device)` of such
/// a tensor returns at once; its values must not be written until that copy is done, its memory may be let
/// go. Where no device works, and for plain CPU tensors there, the memory is plain. Not differentiable.
/// Throws DeviceError unless `x` is on the CPU.
FORNAX_API Tensor pin_memory(const Tensor& x);

/// The values of a device tensor on their way to the host, to be read later without a stall: start it after
/// the step that made the tensor, read it after the next.
///
///     HostCopy loss_copy(loss);
///     ... // enqueue more work
///     const double value = loss_copy.get().item();
class FORNAX_API HostCopy {
 public:
  HostCopy() = default;
  /// Enqueues the copy on the current stream of `x`'s device. Does not wait for the device; on the CPU it is
  /// done at once.
  explicit HostCopy(const Tensor& x);

  bool defined() const { return values_.defined(); }
  /// True if get() would not wait.
  bool is_done() const { return done_.is_done(); }
  /// A CPU tensor of x's dtype, shape and strides. Waits for the device.
  const Tensor& get() const;

 private:
  Tensor values_;
  Event done_;
};

}  // namespace fornax
