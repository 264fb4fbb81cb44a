#include "fornax/nn/loss.h"

namespace fornax::nn {
namespace {

/// Makes a factor a buffer of its own of the module, which the options go on to hold.
void own(Module& module, const char* name, Tensor& factor) {
  if (factor.defined()) factor = Buffer(module, name, factor.detach().clone());
}

}  // namespace

CrossEntropyLoss::CrossEntropyLoss(const Options& options) : LossWith(options) {
  own(*this, "weight", options_.weight);
}

Tensor CrossEntropyLoss::forward(const Tensor& logits, const Tensor& target) {
  return cross_entropy(logits, target, options_);
}

NLLLoss::NLLLoss(const Options& options) : LossWith(options) { own(*this, "weight", options_.weight); }

Tensor NLLLoss::forward(const Tensor& log_probabilities, const Tensor& target) {
  return nll_loss(log_probabilities, target, options_);
}

BCEWithLogitsLoss::BCEWithLogitsLoss(const Options& options) : LossWith(options) {
  own(*this, "weight", options_.weight);
  own(*this, "pos_weight", options_.pos_weight);
}

Tensor BCEWithLogitsLoss::forward(const Tensor& logits, const Tensor& target) {
  return binary_cross_entropy_with_logits(logits, target, options_);
}

Tensor MSELoss::forward(const Tensor& x, const Tensor& target) {
  return mse_loss(x, target, options().reduction);
}

Tensor L1Loss::forward(const Tensor& x, const Tensor& target) {
  return l1_loss(x, target, options().reduction);
}

}  // namespace fornax::nn
