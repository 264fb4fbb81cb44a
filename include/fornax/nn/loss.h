#pragma once

#include <memory>

#include "fornax/nn/module.h"
#include "fornax/ops/loss.h"

/// Losses as modules, for those who choose one at run time or want its factors to move with the model; each
/// is the op of its name (fornax/ops/loss.h). Factors are copied: they become buffers of the module.
namespace fornax::nn {

/// A module that holds outputs of a network against targets.
class FORNAX_API Loss : public Module {
 public:
  virtual Tensor forward(const Tensor& x, const Tensor& target) = 0;
  Tensor operator()(const Tensor& x, const Tensor& target) { return forward(x, target); }
};

/// Base of a loss `Self` that is built from options alone, as LayerWith is of layers.
template <class Self, class O>
class LossWith : public Loss {
 public:
  using Options = O;
  const Options& options() const { return options_; }

 protected:
  explicit LossWith(const Options& options) : options_(options) {}
  std::unique_ptr<Module> make_alike() const override { return std::make_unique<Self>(options_); }

  Options options_;
};

/// Of logits and class indices. Buffer: weight.
class FORNAX_API CrossEntropyLoss final : public LossWith<CrossEntropyLoss, CrossEntropyOptions> {
 public:
  explicit CrossEntropyLoss(const Options& options = {});
  Tensor forward(const Tensor& logits, const Tensor& target) override;
};

/// Of log-probabilities and class indices. Buffer: weight.
class FORNAX_API NLLLoss final : public LossWith<NLLLoss, NllLossOptions> {
 public:
  explicit NLLLoss(const Options& options = {});
  Tensor forward(const Tensor& log_probabilities, const Tensor& target) override;
};

/// Of logits and probabilities. Buffers: weight, pos_weight.
class FORNAX_API BCEWithLogitsLoss final : public LossWith<BCEWithLogitsLoss, BceWithLogitsOptions> {
 public:
  explicit BCEWithLogitsLoss(const Options& options = {});
  Tensor forward(const Tensor& logits, const Tensor& target) override;
};

struct ElementwiseLossOptions {
  Reduction reduction = Reduction::mean;
};

/// (x - target)^2
class FORNAX_API MSELoss final : public LossWith<MSELoss, ElementwiseLossOptions> {
 public:
  explicit MSELoss(const Options& options = {}) : LossWith(options) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
};

/// |x - target|
class FORNAX_API L1Loss final : public LossWith<L1Loss, ElementwiseLossOptions> {
 public:
  explicit L1Loss(const Options& options = {}) : LossWith(options) {}
  Tensor forward(const Tensor& x, const Tensor& target) override;
};

}  // namespace fornax::nn
