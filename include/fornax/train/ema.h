#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/nn/module.h"
#include "fornax/tensor/state.h"

namespace fornax::train {

struct EmaOptions {
  double decay = 0.9999;
  /// Begin with a smaller decay, so that the first weights do not linger: that of update t, counted from 0,
  /// is at most 1 - (1 + t / warmup_gamma)^-warmup_power.
  bool warmup = false;
  double warmup_gamma = 1, warmup_power = 2. / 3;
};

/// An exponential moving average of a module's parameters, which often generalises better than they do
/// (Polyak and Juditsky 1992; timm's ModelEmaV2, with warmup ModelEmaV3):
///
///     train::ExponentialMovingAverage ema(*model, {.decay = 0.999, .warmup = true});
///     for (...) {
///       ...
///       optimizer.step();
///       ema.update();
///     }
///     const auto averaged = ema.apply();  // while it lives, the model has the averaged weights
///     evaluate(*model);
///
/// Buffers, such as running statistics, are not averaged: the module's own go with the averages. Averages of
/// 16-bit parameters are kept in f32. Made when the module is where it is trained; it must outlive this.
class FORNAX_API ExponentialMovingAverage {
 public:
  /// The averages begin with the parameters as they are. Throws ValueError for a decay outside of [0, 1] or a
  /// warm-up whose numbers are not above 0.
  explicit ExponentialMovingAverage(nn::Module& module, const EmaOptions& options = {});
  ExponentialMovingAverage(const ExponentialMovingAverage&) = delete;
  ExponentialMovingAverage& operator=(const ExponentialMovingAverage&) = delete;

  /// average += (1 - decay) * (parameter - average), for all at once. Does not wait for the device; may be
  /// captured (cuda::CudaGraph). Throws ValueError while the averages are applied.
  void update();
  /// That of the next update.
  double decay() const;
  std::int64_t updates() const { return updates_; }

  /// While it lives, the module's parameters are the averages; then they are again what they were before.
  class FORNAX_API Applied {
   public:
    ~Applied();
    Applied(const Applied&) = delete;
    Applied& operator=(const Applied&) = delete;

   private:
    friend ExponentialMovingAverage;
    explicit Applied(ExponentialMovingAverage& ema);
    ExponentialMovingAverage& ema_;
    std::vector<Tensor> before_;
  };
  /// Not between a forward and its backward. Does not wait for the device. Throws ValueError while one lives.
  [[nodiscard]] Applied apply() { return Applied(*this); }

  /// "updates", and the averages as "parameters.<name>".
  State state() const;
  /// Takes over what state() gave. Throws ValueError that names what is missing, or of another shape or kind;
  /// then nothing was changed.
  void load_state(const State& state);

 private:
  struct Entry {
    std::string name;
    Tensor parameter, average;
  };

  std::vector<Entry> entries_;
  EmaOptions options_;
  std::int64_t updates_ = 0;
  bool is_applied_ = false;
};

}  // namespace fornax::train
