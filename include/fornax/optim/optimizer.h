#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"

namespace fornax::optim {

/// Parameters by name, and how they are updated.
template <class Options>
struct ParameterGroup {
  State parameters;
  Options options;
};

/// Updates parameters from their gradients. Parameters are in groups, each with options of its own.
///
///   optim::SGD optimizer(model->named_parameters(), {.lr = 0.1, .momentum = 0.9});
///   optimizer.zero_grad();
///   loss.backward();
///   optimizer.step();
class FORNAX_API Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient, in place. Does not wait for the device. Where a device
  /// fails when some are updated and others are not the error says that the step was partly applied; after
  /// any other error of a device nothing has changed.
  /// With `found_inf` (f32 of one element on the parameters' device, as amp_unscale_ sets it) the device
  /// decides: nothing changes there unless it is 0, and the step is not counted. amp::GradScaler calls it so.
  /// In work that is captured (cuda::CudaGraph) each run takes the options and counts the steps of then; the
  /// step before must have made what the rule remembers, else ValueError, as for a run after load_state().
  void step(const Tensor& found_inf = {});
  /// Drops all gradients.
  void zero_grad();
  /// All parameters, group by group.
  std::vector<Tensor> parameters() const;
  std::size_t group_count() const { return group_count_; }

  // What schedules set. All throw IndexError for a group that is not there.
  double lr(std::size_t group = 0) const;
  void set_lr(std::size_t group, double lr);
  /// Of all groups.
  void set_lr(double lr);
  /// SGD's momentum, Adam's first beta; nothing where that is 0.
  std::optional<double> momentum(std::size_t group = 0) const;
  /// Throws ValueError where momentum() is nothing.
  void set_momentum(std::size_t group, double momentum);

  /// All that step() depends on besides parameters and gradients, by the parameters' names:
  /// "parameters.fc.weight.momentum_buffer", "groups.0.lr". Shares the buffers' memory. Waits for the device
  /// after a step with found_inf, for the steps that were made.
  State state() const;
  /// Takes over the state of an optimizer of the same kind on parameters of the same names and groups; each
  /// buffer goes where its parameter is. Throws ValueError that names what is missing, unexpected, of another
  /// shape or no number of steps; then nothing was changed.
  void load_state(const State& state);

 protected:
  /// What the update rule remembers of each parameter: a tensor, undefined before the parameter's first step.
  struct Memory {
    std::string_view name;
    bool optional = false;  ///< may be undefined after it, too
  };
  /// One parameter, and what the update rule remembers of it.
  struct Entry {
    std::string name;
    Tensor parameter;
    std::size_t group = 0;
    std::int64_t steps = 0;
    /// i64 of one element, the steps counted by the device, once one could be skipped there; `steps` is as it
    /// was before then.
    Tensor device_steps = {};
    std::vector<Tensor> buffers = {};  ///< in the order of the memories
  };
  /// An option by the name that it has in the state.
  struct Number {
    std::string_view name;
    double* value;
  };

  explicit Optimizer(std::vector<Memory> memories) : memories_(std::move(memories)) {}
  /// The update rule: step(), where every entry with a gradient has device_steps if `found_inf` is defined.
  virtual void update(const Tensor& found_inf) = 0;
  /// Appends a group. Throws ValueError if a name or tensor comes twice or a tensor is not a leaf, DTypeError
  /// if it is not floating; then nothing was changed.
  void append_group(const State& parameters);
  /// The options of a group that are real numbers: the learning rate, then the momentum, then the others.
  virtual std::vector<Number> numbers(std::size_t group) = 0;
  void check_group(std::size_t group) const;
  /// Calls `update`, which says whether it has updated a parameter, for each group, and throws what it
  /// throws; after the first update an error of a device says that the step was partly applied.
  void for_each_group(const std::function<bool(std::size_t)>& update) const;
  /// Throws ValueError if this thread's work is captured: memory made there would be made in each run.
  static void check_may_start(const Entry& entry);
  /// Where this thread's work is captured, what each later run of it has to do before its update of these
  /// entries, by their numbers; else an empty function.
  std::function<void()> later_runs(const std::vector<std::size_t>& updated);
  /// Counts a step of the entry, unless the device does.
  static void count_step(Entry& entry) { entry.steps += !entry.device_steps.defined(); }
  /// Tensors by number, for those who have no names.
  static State numbered(const std::vector<Tensor>& parameters);

  std::vector<Entry> entries_;

 private:
  const double& number(std::size_t group, std::size_t index) const;
  double& number(std::size_t group, std::size_t index);

  std::size_t group_count_ = 0;
  std::vector<Memory> memories_;
};

/// Two groups: the parameters of rank 2 and more as `options` say, and those of rank 0 and 1 (biases, the
/// weights of norms) the same without weight decay.
///
///   optim::AdamW optimizer(optim::no_decay_groups(model->named_parameters(), optim::AdamWOptions{.lr =
///   1e-3}));
template <class Options>
std::vector<ParameterGroup<Options>> no_decay_groups(const State& parameters, const Options& options) {
  std::vector<ParameterGroup<Options>> groups{{{}, options}, {{}, options}};
  groups[1].options.weight_decay = 0;
  for (const auto& [name, tensor] : parameters) groups[tensor.rank() < 2].parameters.add(name, tensor);
  std::erase_if(groups, [](const auto& group) { return group.parameters.empty(); });
  return groups;
}

}  // namespace fornax::optim
