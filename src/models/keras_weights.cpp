#include "fornax/models/keras_weights.h"

#include <fmt/core.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/error.h"
#include "fornax/ops/create.h"
#include "fornax/ops/rearrange.h"

namespace fornax::models {
namespace {

using Names = std::vector<std::string>;

/// The weight of a layer: its name, and how the one that it had in Keras 1 ended.
struct Weight {
  const char *name, *former_end;
};
constexpr Weight kernel{"kernel", "_W"}, bias{"bias", "_b"}, gamma{"gamma", "_gamma"}, beta{"beta", "_beta"},
    mean{"moving_mean", "_running_mean"}, variance{"moving_variance", "_running_std"};

class Mapper {
 public:
  explicit Mapper(const State& keras) : keras_(keras) {}

  /// True if there is a layer of one of these names with a kernel.
  bool has(const Names& layers) const { return find(layers, kernel).second != nullptr; }

  void conv(const std::string& name, const Names& layers) {
    state_.add(name + ".weight", take(layers, kernel, 4).permute({3, 2, 0, 1}).contiguous());
    state_.add(name + ".bias", take(layers, bias, 1));
  }
  /// The first one, whose input channels change from BGR to RGB.
  void conv_of_images(const std::string& name, const Names& layers) {
    const Tensor weight = take(layers, kernel, 4).permute({3, 2, 0, 1});
    if (weight.size(1) != 3) fail(fmt::format("expected images of 3 channels, got {}", weight.size(1)));
    state_.add(name + ".weight",
               concat({weight.narrow(1, 2, 1), weight.narrow(1, 1, 1), weight.narrow(1, 0, 1)}, 1));
    state_.add(name + ".bias", take(layers, bias, 1));
  }
  void bn(const std::string& name, const Names& layers) {
    state_.add(name + ".weight", take(layers, gamma, 1));
    state_.add(name + ".bias", take(layers, beta, 1));
    state_.add(name + ".running_mean", take(layers, mean, 1));
    state_.add(name + ".running_var", take(layers, variance, 1));
    state_.add(name + ".num_batches_tracked", zeros({}, {.dtype = i64}));
  }
  void linear(const std::string& name, const Names& layers) {
    state_.add(name + ".weight", take(layers, kernel, 2).transpose(0, 1).contiguous());
    state_.add(name + ".bias", take(layers, bias, 1));
  }

  State finish() {
    for (const auto& [name, tensor] : keras_)
      if (!taken_.contains(name)) fail(fmt::format("expected the weights of a ResNet, got also '{}'", name));
    return std::move(state_);
  }

 private:
  std::pair<std::string, const Tensor*> find(const Names& layers, const Weight& weight) const {
    for (const std::string& layer : layers)
      for (const std::string& name : {layer + "/" + weight.name, layer + "/" + layer + weight.former_end})
        if (const Tensor* tensor = keras_.find(name)) return {name, tensor};
    return {};
  }
  Tensor take(const Names& layers, const Weight& weight, int rank) {
    const auto [name, tensor] = find(layers, weight);
    if (!tensor) fail(fmt::format("expected a weight '{}/{}', got none", layers[0], weight.name));
    if (tensor->rank() != rank)
      fail(fmt::format("expected rank {} for '{}', got {}", rank, name, describe(*tensor)));
    taken_.insert(name);
    return *tensor;
  }
  [[noreturn]] static void fail(const std::string& message) {
    throw ValueError("resnet_state_from_keras", message);
  }

  const State& keras_;
  State state_;
  std::set<std::string> taken_;
};

/// Layer `part` of a block by its present name, and by that of Keras 1: part 0 is the shortcut, 1 to 3 are
/// the branch.
Names block_layers(int stage, int block, int part, const char* kind) {
  const bool is_conv = std::string_view(kind) == "conv";
  const std::string branch = part == 0 ? "branch1" : fmt::format("branch2{:c}", 'a' + part - 1);
  return {fmt::format("conv{}_block{}_{}_{}", stage, block, part, kind),
          fmt::format("{}{}{:c}_{}", is_conv ? "res" : "bn", stage, 'a' + block - 1, branch)};
}

}  // namespace

ResNetOptions keras_resnet_options(std::int64_t classes, double width) {
  return {.classes = classes, .width = width, .stride_in_1x1 = true, .conv_bias = true, .bn_eps = 1.001e-5};
}

State resnet_state_from_keras(const State& keras) {
  const NoGrad no_grad;
  Mapper map(keras);
  map.conv_of_images("conv1", {"conv1_conv", "conv1"});
  map.bn("bn1", {"conv1_bn", "bn_conv1"});
  for (int stage = 2; stage <= 5; ++stage)
    for (int block = 1; map.has(block_layers(stage, block, 1, "conv")); ++block) {
      const std::string prefix = fmt::format("layer{}.{}.", stage - 1, block - 1);
      for (int part = 1; part <= 3; ++part) {
        map.conv(fmt::format("{}conv{}", prefix, part), block_layers(stage, block, part, "conv"));
        map.bn(fmt::format("{}bn{}", prefix, part), block_layers(stage, block, part, "bn"));
      }
      if (block > 1) continue;
      map.conv(prefix + "downsample.0", block_layers(stage, block, 0, "conv"));
      map.bn(prefix + "downsample.1", block_layers(stage, block, 0, "bn"));
    }
  const Names top{"predictions", "probs", "fc1000"};
  if (map.has(top)) map.linear("fc", top);
  return map.finish();
}

}  // namespace fornax::models
