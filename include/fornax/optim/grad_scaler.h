#pragma once

#include <cstdint>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/optim/optimizer.h"

namespace fornax::amp {

struct GradScalerOptions {
  double init_scale = 65536;
  /// The scale grows by growth_factor after growth_interval steps in a row without inf or NaN, and shrinks by
  /// backoff_factor after one with.
  double growth_factor = 2, backoff_factor = 0.5;
  std::int64_t growth_interval = 2000;
  bool enabled = true;  ///< false: all calls do what they would do without a scaler
};

/// Dynamic loss scaling, for training in f16, whose smallest gradients would become 0 (bf16 needs none):
///
///   amp::GradScaler scaler;
///   for (...) {
///     {
///       const amp::Autocast autocast(DeviceType::cuda, f16);
///       loss = cross_entropy((*model)(x), label);
///     }
///     optimizer.zero_grad();
///     scaler.scale(loss).backward();
///     scaler.step(optimizer);
///     scaler.update();
///   }
///
/// A step whose gradients hold inf or NaN is skipped, by the device: no call waits for it, so that a whole
/// step can be captured (cuda::CudaGraph) after one without. As PyTorch's GradScaler (Micikevicius et al.,
/// "Mixed precision training", 2018). Several optimizers may share a scaler; a loss and its gradients are on
/// one device, that of the first loss.
class FORNAX_API GradScaler {
 public:
  /// Throws ValueError for a rule that makes no sense.
  explicit GradScaler(const GradScalerOptions& options = {});

  /// The loss times the scale, a loss of 16 bits in f32. Throws DeviceError for a loss on another device than
  /// the first.
  Tensor scale(const Tensor& loss);
  /// Divides the optimizer's gradients by the scale, for what looks at them before step(), as
  /// optim::clip_grad_norm_ does; else step() does it. Throws ValueError if it has been done since update(),
  /// if no loss was scaled, or if there is no gradient.
  void unscale_(optim::Optimizer& optimizer);
  /// optimizer.step(), skipped on inf or NaN. Throws ValueError if that has been done since update(), and
  /// what unscale_ throws.
  void step(optim::Optimizer& optimizer);
  /// The scale of the next step, after the steps of all optimizers. Throws ValueError if there was none.
  void update();

  bool is_enabled() const { return options_.enabled; }
  /// 1 if it is not enabled. Waits for the device.
  double get_scale() const;
  /// The scale, the steps since it grew, and the rule; nothing if it is not enabled.
  State state() const;
  /// Takes over what state() gave. Throws ValueError that names what is missing or makes no sense; then
  /// nothing was changed.
  void load_state(const State& state);

 private:
  /// What has been done with an optimizer's gradients since update().
  struct Pass {
    const optim::Optimizer* optimizer;
    Tensor found_inf;
    bool has_stepped = false;
  };
  Pass* find(const optim::Optimizer& optimizer);

  GradScalerOptions options_;
  Tensor scale_, growth_tracker_;  ///< on the CPU until the first loss
  bool has_device_ = false;
  std::vector<Pass> passes_;
};

}  // namespace fornax::amp
