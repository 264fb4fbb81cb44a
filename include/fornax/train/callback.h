#pragma once

#include <cstdint>
#include <string>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"
#include "fornax/train/progress.h"

namespace fornax::data {
struct Batch;
}

namespace fornax::train {

class Trainer;

/// A step that has just been made.
struct StepInfo {
  std::int64_t step = 0;   ///< from 1, over all epochs
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t samples = 0;
  double wait_seconds = 0;  ///< how long the step waited for its data
  /// loss, metrics, grad_norm and lr, of a step that is logged; else empty.
  Numbers numbers = {};
};

/// What is called as a Trainer goes; what it throws ends fit().
class FORNAX_API Callback {
 public:
  virtual ~Callback() = default;

  virtual void on_fit_begin(Trainer&) {}
  /// `epoch` counts from 1.
  virtual void on_epoch_begin(Trainer&, std::int64_t /*epoch*/) {}
  virtual void on_step_end(Trainer&, const StepInfo&) {}
  /// An evaluation begins, of an epoch or by a call of evaluate().
  virtual void on_evaluation_begin(Trainer&) {}
  /// A batch of it and what the model made of that, on the device and without gradients: what waits for the
  /// device here makes each batch wait.
  virtual void on_evaluation_batch(Trainer&, const data::Batch&, const Tensor& /*output*/) {}
  /// The epoch's evaluation; empty without a validation loader. Trainer::epochs_ended() counts the epoch.
  virtual void on_epoch_end(Trainer&, const Numbers& /*evaluation*/) {}
  virtual void on_checkpoint(Trainer&, const std::string& /*path*/) {}
  /// The weights have gone back to those of an earlier step (TrainerOptions::max_rollbacks); `why` says to
  /// which, and from what. Before on_step_end or on_epoch_end.
  virtual void on_rollback(Trainer&, const std::string& /*why*/) {}
  /// fit() has ended and throws nothing.
  virtual void on_fit_end(Trainer&) {}

  /// The part of checkpoints that holds the callback's state; empty: it has none.
  virtual std::string name() const { return {}; }
  virtual State state() const { return {}; }
  virtual void load_state(const State&) {}
};

}  // namespace fornax::train
