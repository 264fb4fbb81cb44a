#include "fornax/models/lenet.h"

#include <fmt/core.h>

#include "fornax/base/error.h"
#include "fornax/ops/elementwise.h"
#include "fornax/ops/pool.h"

namespace fornax::models {
namespace {

/// What the two convolutions and poolings leave of an image: size -> size / 2 -> (size / 2 - 4) / 2.
std::int64_t features(const LeNetOptions& options) {
  if (options.size < 12)
    throw ValueError("LeNet", fmt::format("expected a size of 12 or more, got {}", options.size));
  const std::int64_t left = (options.size / 2 - 4) / 2;
  return 16 * left * left;
}

}  // namespace

LeNet::LeNet(const LeNetOptions& options)
    : LayerWith(options),
      conv1(*this, "conv1",
            {.in_channels = options.in_channels, .out_channels = 6, .kernel_size = 5, .padding = 2}),
      conv2(*this, "conv2", {.in_channels = 6, .out_channels = 16, .kernel_size = 5}),
      fc1(*this, "fc1", {.in_features = features(options), .out_features = 120}),
      fc2(*this, "fc2", {.in_features = 120, .out_features = 84}),
      fc3(*this, "fc3", {.in_features = 84, .out_features = options.classes}) {
  to(MemoryFormat::channels_last);
}

Tensor LeNet::forward(const Tensor& x) {
  Tensor h = max_pool2d(relu(conv1(x)), 2);
  h = max_pool2d(relu(conv2(h)), 2);
  return fc3(relu(fc2(relu(fc1(h.flatten(1))))));
}

std::unique_ptr<LeNet> lenet(const LeNetOptions& options) { return std::make_unique<LeNet>(options); }

}  // namespace fornax::models
