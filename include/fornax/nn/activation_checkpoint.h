#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <utility>

#include "fornax/base/export.h"
#include "fornax/tensor/tensor.h"

/// Activation checkpointing (Chen et al., "Training deep nets with sublinear memory cost", 2016): less memory
/// for about a third more work.
namespace fornax::nn {

using CheckpointFunction = std::function<Tensor(std::span<const Tensor> inputs)>;

/// f(inputs), of which backward keeps the inputs alone: it computes f again, with the gradients' graph, when
/// the gradient arrives, and lets go of what that made before it goes on.
///
///     h = nn::checkpoint([this](const Tensor& x) { return block(x); }, h);
///
/// Parameters that f reaches get their gradients, and the bits are those of a plain call: f draws the same
/// random numbers of default_generator() again, under the same autocast, and batch norms update their running
/// statistics once. f must otherwise compute the same both times, write nothing in place that it did not
/// make, and, with what it refers to, live until backward. Results of recorded ops reach it as inputs alone,
/// never as what it refers to. Inputs may be undefined. Checkpoints may be nested.
///
/// As PyTorch's torch.utils.checkpoint(use_reentrant=True): backward runs a backward of its own in f, so that
/// grad-ready hooks of a leaf that is also used outside of f run once for each of them. Unlike there, no
/// input needs to require grad for the parameters to get their gradients.
///
/// Where no gradients are wanted this is a plain call. Throws NotImplemented if f draws random numbers
/// while its work is captured (cuda::CudaGraph). Backward throws AutogradError if an input was written in
/// place since, or f gives another shape or dtype than before.
FORNAX_API Tensor checkpoint(CheckpointFunction f, std::span<const Tensor> inputs);
inline Tensor checkpoint(CheckpointFunction f, std::initializer_list<Tensor> inputs) {
  return checkpoint(std::move(f), std::span(inputs.begin(), inputs.size()));
}
/// Of one input.
FORNAX_API Tensor checkpoint(std::function<Tensor(const Tensor& x)> f, const Tensor& x);

/// True on a thread on which backward computes a checkpointed function again: what a layer notes on its way,
/// such as running statistics, it has noted already.
FORNAX_API bool is_recomputing() noexcept;

}  // namespace fornax::nn
