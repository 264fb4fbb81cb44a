#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/data/mixup.h"
#include "fornax/data/prefetcher.h"
#include "fornax/io/checkpoint_manager.h"
#include "fornax/nn/layer.h"
#include "fornax/ops/loss.h"
#include "fornax/optim/grad_scaler.h"
#include "fornax/optim/schedule.h"
#include "fornax/train/callback.h"
#include "fornax/train/ema.h"
#include "fornax/train/metrics.h"

namespace fornax::train {

/// Where and when a trainer saves all that it needs to go on (io::CheckpointManager).
struct CheckpointOptions {
  std::string directory;             ///< empty: nowhere
  std::int64_t every = 0;            ///< steps; 0: only after each epoch
  int keep_last = 2;                 ///< how many of the last ones stay, besides the best
  std::string monitor = "accuracy";  ///< the number of the evaluation by which one is the best
  bool lower_is_better = false;      ///< as a loss is
  io::Metadata metadata = {};        ///< texts that each file has
};

struct TrainerOptions {
  Device device = Device::cpu();  ///< where the batches go; that of the model
  std::int64_t epochs = 1;
  std::int64_t accumulate = 1;    ///< batches whose mean gradient makes one step
  std::optional<DType> amp = {};  ///< mixed precision: bf16, or f16 with loss scaling
  optim::Schedule schedule = {};  ///< of the learning rate, step by step; none: it stays
  double max_grad_norm = 0;       ///< gradients are scaled down to it (clip_grad_norm_); 0: never
  /// An average of the weights, with which evaluations are made.
  std::optional<EmaOptions> ema = {};
  /// Of a batch: a tensor of one element, the mean over its samples.
  std::function<Tensor(const Tensor& output, const Tensor& target)> loss =
      [](const Tensor& output, const Tensor& target) { return cross_entropy(output, target); };
  /// Mixes the samples of the batches that are trained with, as data::mixup does; metrics hold the output
  /// against `label`.
  std::function<data::MixedBatch(const data::Batch& batch, data::SampleRandom& random)> mix = {};
  std::uint64_t mix_seed = 0;  ///< of its random numbers
  std::vector<Metric> metrics = {top_k_accuracy()};
  std::int64_t log_every = 10;  ///< steps; only these read numbers from the device, and so wait for it
  CheckpointOptions checkpoints = {};
  /// How often a loss or weights that are not finite may send the model, its average, the optimizer and the
  /// loss scale back to what the latest checkpoint holds; training goes on with the data and the learning
  /// rate of the next step. Then, and by default at once, NonFiniteLoss is thrown.
  std::int64_t max_rollbacks = 0;
  std::function<bool()> stop = {};  ///< asked after each step: true ends fit(), after a checkpoint
};

/// The loop around a model: epochs of steps over a loader, an evaluation after each, checkpoints, and
/// callbacks that show, log, plot and stop it. It does nothing that a loop of one's own could not do by the
/// same calls.
///
///     train::Trainer trainer(*model, optimizer, {.device = device, .epochs = 90,
///                                                .checkpoints = {.directory = "runs/a/checkpoints"}});
///     trainer.add<train::ProgressBar>();
///     trainer.resume();  // if there is a checkpoint
///     trainer.fit(loader, &validation_loader);
///
/// A run that was killed at any moment and resumed ends in the same bits as one that was not, on the same
/// build, instruction set and library versions: a checkpoint holds the model, the optimizer, schedule and
/// loss scale, default_generator(), the place in the data after the last batch that was used, the callbacks
/// and, under cuda::set_cudnn_benchmark, what was measured.
class FORNAX_API Trainer {
 public:
  /// The model is on `options.device`; it and the optimizer must outlive this. Throws ValueError for options
  /// that make no sense.
  Trainer(nn::Layer& model, optim::Optimizer& optimizer, TrainerOptions options);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Callbacks are called in the order in which they were added. Throws ValueError if the callback keeps a
  /// state under a name that is taken.
  void add(std::shared_ptr<Callback> callback);
  template <class C, class... A>
  C& add(A&&... args) {
    const auto callback = std::make_shared<C>(std::forward<A>(args)...);
    add(callback);
    return *callback;
  }

  /// Takes over the latest checkpoint that is whole; nothing where there is none. Returns where it was found.
  /// Throws IoError if all are corrupt, ValueError if it is of another model, optimizer or callbacks
  /// (load_checkpoint).
  std::optional<io::FoundCheckpoint> resume();
  /// All that the next step depends on.
  io::Checkpoint checkpoint() const;
  /// Goes on from there. Throws ValueError: for other parts than this trainer's nothing was changed, for a
  /// part that refuses its state those before it were.
  void load_checkpoint(const io::Checkpoint& checkpoint);

  /// Trains until epoch `options.epochs` has ended, evaluating each with `validation`, or until stop().
  /// Returns false if `options.stop` ended it before, else true. Leaves the model in training mode. Throws
  /// NonFiniteLoss, and what model, loss, loaders and callbacks throw; to go on after that, resume().
  bool fit(data::DataLoader& loader, data::DataLoader* validation = nullptr);
  /// The mean loss and metrics over a loop of the loader, in eval mode and without gradients.
  Numbers evaluate(data::DataLoader& loader);
  /// What the numbers of an evaluation are called: the loss and the metrics.
  std::vector<std::string> evaluation_names() const;
  /// What those of a logged step are called: these, then grad_norm and lr.
  std::vector<std::string> step_names() const;
  /// Writes the weights with which evaluations are made, as train::save_model. Throws IoError. Waits for the
  /// device.
  void save_model(const std::string& path);
  /// That of the last epoch that has ended; empty if there was none.
  const Numbers& last_evaluation() const { return last_evaluation_; }
  /// Ends fit() after the step or epoch under way: for callbacks.
  void stop() { stopped_ = true; }

  /// Steps of the optimizer, from the first epoch on.
  std::int64_t step() const { return step_; }
  /// Epochs that have ended, evaluation included.
  std::int64_t epochs_ended() const { return epochs_ended_; }
  /// Of the epoch under way or, between epochs, the last one; 0 before the first.
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  std::int64_t steps_in_epoch() const { return steps_in_epoch_; }
  nn::Layer& model() { return model_; }
  optim::Optimizer& optimizer() { return optimizer_; }
  const TrainerOptions& options() const { return options_; }

 private:
  class Totals;
  /// What a checkpoint holds under a name.
  struct Part {
    std::string name;
    bool is_learned;  ///< goes back in a rollback
    std::function<State()> state;
    std::function<void(const State&)> load;
  };

  void add_parts();
  template <class Object>
  void add_part(const std::string& name, Object& object, bool is_learned = false);
  /// Trains to the end of the epoch or until stop() was called; false if `options.stop` ended it.
  bool train_epoch(data::DataLoader& loader);
  /// Makes a step of `batches` batches, the first of which is `batch`; leaves that at the last.
  void make_step(data::Prefetcher::Iterator& batch, std::int64_t batches, StepInfo& info);
  /// The loss of a batch, the `number`-th of the epoch.
  Tensor loss_of(const data::Batch& batch, std::int64_t number, Totals* totals);
  void end_epoch(data::DataLoader* validation);
  Numbers evaluate_as_it_is(data::DataLoader& loader);
  void save(std::optional<double> score);
  /// Before weights are evaluated and saved: a checkpoint never holds some that are not finite. Waits for the
  /// device.
  void require_finite_weights();
  /// Goes back to the latest checkpoint, or throws NonFiniteLoss with `what` it was.
  void roll_back(const std::string& what);

  nn::Layer& model_;
  optim::Optimizer& optimizer_;
  TrainerOptions options_;
  std::optional<optim::Scheduler> schedule_;
  amp::GradScaler scaler_;
  std::optional<ExponentialMovingAverage> ema_;
  std::optional<io::CheckpointManager> checkpoints_;
  std::vector<std::shared_ptr<Callback>> callbacks_;
  std::vector<Part> parts_;
  std::int64_t step_ = 0, epochs_ended_ = 0, rollbacks_ = 0;
  std::int64_t steps_in_epoch_ = 0, steps_per_epoch_ = 0;  ///< made, and to make, in the epoch under way
  Numbers last_evaluation_;
  State position_;                       ///< in the data, between fits
  data::Prefetcher* batches_ = nullptr;  ///< of the fit under way
  bool stopped_ = false;
};

/// A logged step's loss is inf or NaN, or the weights are that shall be saved. With loss scaling (amp of f16)
/// such a loss is no error: its step was skipped.
class FORNAX_API NonFiniteLoss : public Error {
  using Error::Error;
};

}  // namespace fornax::train
