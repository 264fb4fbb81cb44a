#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fornax/nn/module.h"

namespace fornax::nn {

/// A module that makes one tensor of one tensor. A call of the layer is forward() with hooks around it.
class FORNAX_API Layer : public Module {
 public:
  /// Sees the input before forward() and may give another one (undefined: no change).
  using ForwardPreHook = std::function<Tensor(Layer&, const Tensor& x)>;
  /// Sees input and output after forward() and may give another output (undefined: no change).
  using ForwardHook = std::function<Tensor(Layer&, const Tensor& x, const Tensor& y)>;

  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) { return has_hooks() ? call_with_hooks(x) : forward(x); }

  /// Hooks run in order of registration. Each call gives an id for remove_hook.
  int register_forward_pre_hook(ForwardPreHook hook);
  int register_forward_hook(ForwardHook hook);
  /// An id that is not there is ignored.
  void remove_hook(int id);
  /// Fused functions over several layers (conv_bn_act) run a layer that has hooks by itself.
  bool has_hooks() const { return !pre_hooks_.empty() || !hooks_.empty(); }

 private:
  Tensor call_with_hooks(const Tensor& x);

  std::vector<std::pair<int, ForwardPreHook>> pre_hooks_;
  std::vector<std::pair<int, ForwardHook>> hooks_;
  int next_hook_ = 0;
};

/// What a layer that needs no options is built from.
struct NoOptions {};

/// Base of a layer `Self` that is built from options alone: keeps them and lets it be cloned.
///
///   struct Scale final : nn::LayerWith<Scale, ScaleOptions> {
///     explicit Scale(const Options& options) : LayerWith(options) {}
///     Tensor forward(const Tensor& x) override { return x * options().factor; }
///   };
template <class Self, class O = NoOptions>
class LayerWith : public Layer {
 public:
  using Options = O;
  const Options& options() const { return options_; }

 protected:
  explicit LayerWith(const Options& options = {}) : options_(options) {}
  std::unique_ptr<Module> make_alike() const override { return std::make_unique<Self>(options_); }

 private:
  Options options_;
};

/// Layers one after the other, named "0", "1", ... or as they are added.
///
///   nn::Sequential net(nn::make<nn::Linear>({.in_features = 784, .out_features = 128}),
///                      nn::make<nn::ReLU>(),
///                      nn::make<nn::Linear>({.in_features = 128, .out_features = 10}));
class FORNAX_API Sequential final : public Layer {
 public:
  Sequential() = default;
  template <std::derived_from<Layer>... L>
  explicit Sequential(std::unique_ptr<L>... layers) {
    (add(std::move(layers)), ...);
  }

  /// Appends a layer, named by its number. Throws ValueError if the layer is null.
  Sequential& add(std::unique_ptr<Layer> layer);
  /// Appends a layer. Throws ValueError if it is null or the name is empty, has a dot or is taken.
  Sequential& add(std::string name, std::unique_ptr<Layer> layer);

  std::size_t size() const { return layers_.size(); }
  /// Throws IndexError.
  Layer& operator[](std::size_t i) const;
  using Layer::operator();
  Tensor forward(const Tensor& x) override;

 protected:
  std::unique_ptr<Module> make_alike() const override;

 private:
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace fornax::nn
