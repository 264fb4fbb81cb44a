#pragma once

#include <vector>

#include "fornax/ops/optim_step.h"
#include "fornax/optim/optimizer.h"

namespace fornax::optim {

struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

/// Adam with weight decay that is apart from the gradient (Loshchilov and Hutter, "Decoupled weight decay
/// regularization", 2019):
///
///   p -= lr * weight_decay * p;  m = beta1 * m + (1 - beta1) * grad;  v = beta2 * v + (1 - beta2) * grad^2;
///   p -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
class FORNAX_API AdamW final : public Optimizer {
 public:
  using Options = AdamWOptions;
  using Group = ParameterGroup<AdamWOptions>;

  /// Throws ValueError for options that make no sense (a negative rate, a beta outside of [0, 1)), and as
  /// Optimizer does.
  explicit AdamW(const std::vector<Group>& groups);
  /// Another group, the last one. Throws as the constructor does; then nothing was changed.
  void add_group(const Group& group);
  AdamW(const State& parameters, const AdamWOptions& options) : AdamW({{parameters, options}}) {}
  /// The parameters are named "0", "1", ...
  AdamW(const std::vector<Tensor>& parameters, const AdamWOptions& options)
      : AdamW(numbered(parameters), options) {}

  /// Throws IndexError.
  AdamWOptions& options(std::size_t group = 0);

 private:
  void update(const Tensor& found_inf) override;
  std::vector<Number> numbers(std::size_t group) override;
  AdamWRates rates(std::size_t group) const;

  std::vector<AdamWOptions> options_;
};

}  // namespace fornax::optim
