#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

namespace fornax::autograd {

struct GradcheckOptions {
  double step = 1e-6;      ///< of the central differences
  double absolute = 1e-5;  ///< allowed |analytic - numeric| ...
  double relative = 1e-3;  ///< ... plus this times |numeric|
  int max_entries = 64;    ///< of each input; a larger one is sampled at even distances
};

struct GradcheckResult {
  bool passed = true;
  /// The first entry that fails: input, index, both values. Empty if none does.
  std::string message;
  explicit operator bool() const { return passed; }
};

/// Holds the gradients of `f`, a function of all `inputs`, against central differences:
/// (f(x + h) - f(x - h)) / 2h, where the output is weighted by fixed numbers to one value. Inputs that
/// require grad are checked; they must be f64 on the CPU (DTypeError otherwise) and are left as they were,
/// their grad() included, also where `f` throws.
/// `f` must be deterministic. For layers: capture the layer and list its parameters among the inputs.
FORNAX_API GradcheckResult gradcheck(const std::function<Tensor(std::span<const Tensor>)>& f,
                                     std::vector<Tensor> inputs, const GradcheckOptions& options = {});

}  // namespace fornax::autograd
