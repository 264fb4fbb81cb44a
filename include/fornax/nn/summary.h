#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fornax/nn/layer.h"

namespace fornax::nn {

/// One layer as it was called.
struct LayerSummary {
  std::string name, type;
  Shape output;
  std::int64_t parameters = 0;  ///< elements of its own parameters, not its children's
  std::int64_t macs = 0;        ///< multiply-accumulates; of convolutions and linear layers
  double seconds = 0;           ///< of the call, if it was timed
};

struct ModelSummary {
  std::vector<LayerSummary> layers;  ///< those without children and those with own parameters, as called
  std::int64_t parameters = 0, trainable_parameters = 0;
  std::int64_t macs = 0;
  double seconds = 0;  ///< of all layers, one after the other
};

struct SummaryOptions {
  /// Calls of which a layer's shortest time is taken, after a first one that is not timed. Each layer runs by
  /// itself, without the fusion with its neighbours that it may have in training. Waits for the device before
  /// and after each layer.
  int timed_calls = 0;
};

/// What happens in `model` when it is called with `input`: calls in eval mode without gradients, after which
/// modes are as before. Parameters are counted once, also those of layers that were not called.
FORNAX_API ModelSummary summary(Layer& model, const Tensor& input, const SummaryOptions& options = {});

/// As a table with a line for each layer and the totals below; with times where they were measured.
FORNAX_API std::string to_string(const ModelSummary& summary);

}  // namespace fornax::nn
