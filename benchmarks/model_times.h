#pragma once

#include "fornax/nn/layer.h"

namespace fornax::bench {

/// How a model is run: in f32, or in a 16-bit dtype under autocast, without loss scaling.
struct ModelRun {
  Device device;
  DType dtype = f32;
  double seconds = 10;  ///< to measure for, at least
};

/// Median time of a training step in seconds: forward, mean cross entropy over the last axis of the result,
/// backward, SGD with momentum. All steps are on the same inputs; throws InternalError unless the loss falls.
double seconds_of_training(nn::Layer& model, const Tensor& inputs, const ModelRun& run);

/// Median time of a forward pass in seconds, in eval mode. Throws InternalError unless the result is finite.
double seconds_of_inference(nn::Layer& model, const Tensor& inputs, const ModelRun& run);

/// Of the process, or on a CUDA device of what it has allocated there.
double peak_memory_mb(Device device);

}  // namespace fornax::bench
