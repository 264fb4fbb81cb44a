#pragma once

#include <vector>

#include "fornax/ops/optim_step.h"
#include "fornax/optim/optimizer.h"

namespace fornax::optim {

struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;  ///< the gradient counts 1 - dampening in the momentum, but fully in the first step
  double weight_decay = 0;
  bool nesterov = false;
};

/// Stochastic gradient descent, as PyTorch's (Sutskever et al., 2013, with lr outside of the velocity):
///
///   g = grad + weight_decay * p;  v = momentum * v + (1 - dampening) * g;
///   p -= lr * (nesterov ? g + momentum * v : v)
class FORNAX_API SGD final : public Optimizer {
 public:
  using Options = SGDOptions;
  using Group = ParameterGroup<SGDOptions>;

  /// Throws ValueError for options that make no sense (a negative rate, Nesterov without momentum or with
  /// dampening), and as Optimizer does.
  explicit SGD(const std::vector<Group>& groups);
  /// Another group, the last one. Throws as the constructor does; then nothing was changed.
  void add_group(const Group& group);
  SGD(const State& parameters, const SGDOptions& options) : SGD({{parameters, options}}) {}
  /// The parameters are named "0", "1", ...
  SGD(const std::vector<Tensor>& parameters, const SGDOptions& options)
      : SGD(numbered(parameters), options) {}

  /// Throws IndexError.
  SGDOptions& options(std::size_t group = 0);

 private:
  void update(const Tensor& found_inf) override;
  std::vector<Number> numbers(std::size_t group) override;
  SgdRates rates(std::size_t group) const;

  std::vector<SGDOptions> options_;
};

}  // namespace fornax::optim
