#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fornax/base/export.h"
#include "fornax/tensor/state.h"

/// A module registers its parameters, buffers and children where it declares them:
///
///   struct Gated : nn::Layer {
///     nn::Child<nn::Linear> gate;
///     nn::Parameter scale;
///     explicit Gated(std::int64_t width)
///         : gate(*this, "gate", {.in_features = width, .out_features = width}),
///           scale(*this, "scale", ones({width})) {}
///     Tensor forward(const Tensor& x) override { return x * scale * sigmoid(gate(x)); }
///   };
namespace fornax::nn {

class Module;

/// A tensor that is trained: registered with its module under `name`, a leaf that requires grad. It is one
/// handle to the tensor that parameters() and the optimizer hold too, so it is never assigned anew, only
/// written in place. An undefined tensor stands for an optional parameter that is absent and registers
/// nothing. Throws ValueError if the name is empty, has a dot or is taken, DTypeError for an integer tensor.
class FORNAX_API Parameter : public Tensor {
 public:
  Parameter(Module& owner, std::string name, Tensor value);
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;
};

/// A tensor that belongs to the module's state but is not trained (running statistics). As Parameter
/// otherwise.
class FORNAX_API Buffer : public Tensor {
 public:
  Buffer(Module& owner, std::string name, Tensor value);
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
};

/// Where a module goes: what is left out stays as it is.
struct Placement {
  std::optional<Device> device;
  std::optional<DType> dtype;          ///< of floating tensors
  std::optional<MemoryFormat> format;  ///< of tensors of rank 4
};

/// Names whose tensors a state and a module do not share.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the module, not in the state
  std::vector<std::string> unexpected;  ///< in the state, not in the module
  std::vector<std::string> mismatched;  ///< in both, of another shape, or only one of them floating
};

/// A part of a network: named parameters, buffers and children. Neither copied nor moved.
///
/// Names are those of PyTorch for the same structure: a child's are prefixed by its own name and a dot
/// ("layer1.0.conv1.weight"). All lists are in order of registration, a module's own tensors before its
/// children's, so they are the same in every run.
class FORNAX_API Module {
 public:
  using Named = std::vector<std::pair<std::string, Module*>>;

  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The class, without namespaces and template arguments: "Conv2d".
  std::string type_name() const;

  // --- what it holds
  /// All parameters in and below this module. One that is registered in two places (tied) comes once, under
  /// its first name.
  State named_parameters() const;
  std::vector<Tensor> parameters() const;
  State named_buffers() const;
  /// The modules directly in this one.
  const Named& children() const { return children_; }
  /// This module, under an empty name, and all below it.
  Named named_modules();
  /// Calls `f` for all modules below this one, children first, and then for this one.
  Module& apply(const std::function<void(Module&)>& f);

  // --- its state
  /// Parameters and buffers, without history, in the module's own memory; a tied parameter under each of its
  /// names.
  State state() const;
  /// Copies the tensors of `state` into this module's, casting between floating types. Throws ValueError
  /// that lists what is missing, unexpected, or of another shape or kind; then nothing was changed. If not
  /// `strict`, it copies what fits, leaves the rest of the module as it is, and reports all three, so
  /// that published weights fit a model with another head. (PyTorch throws for another shape even then.)
  LoadReport load_state(const State& state, bool strict = true);
  /// A module of the same class, options, state, placement and modes, without hooks and gradients. Draws
  /// nothing from default_generator(). Throws NotImplemented if this class does not say how to make one
  /// (LayerWith, make_alike).
  std::unique_ptr<Module> clone() const;

  // --- how it works
  /// Sets training mode, in which dropout and batch norm behave differently, here and below.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool is_training() const { return training_; }
  /// Moves and casts all parameters and buffers in place: whoever holds one, holds it as it becomes. Not
  /// between a forward and its backward. Throws DeviceError for a device that is not there, OutOfMemory, and
  /// DTypeError for a dtype that parameters cannot have; then nothing was changed. Waits for the device only
  /// where tensors leave it for the CPU.
  Module& to(const Placement& placement);
  Module& to(Device device) { return to(Placement{.device = device}); }
  Module& to(DType dtype) { return to(Placement{.dtype = dtype}); }
  Module& to(MemoryFormat format) { return to(Placement{.format = format}); }
  Module& to(Device device, MemoryFormat format) { return to(Placement{.device = device, .format = format}); }
  /// Freezes (false) or thaws all parameters.
  Module& requires_grad_(bool on = true);
  /// Drops all gradients.
  void zero_grad();

 protected:
  /// Registers a module that lives as long as this one. Throws ValueError as Parameter does.
  void add_child(std::string name, Module& child);
  /// A new module of the same class and options, whatever its parameters: what clone() fills.
  virtual std::unique_ptr<Module> make_alike() const;
  /// The type that this module's own floating tensors take in to(dtype). Norms keep f32 where others go to 16
  /// bit.
  virtual DType dtype_when_cast_to(DType dtype) const { return dtype; }
  /// For containers: make_alike() of another module.
  static std::unique_ptr<Module> alike(const Module& module) { return module.make_alike(); }

 private:
  friend class Parameter;
  friend class Buffer;
  template <class M>
  friend class Child;

  void check_name(const std::string& name) const;
  using Visit = std::function<void(const std::string& name, const Tensor& tensor)>;
  void collect_moves(const Placement& placement, std::vector<std::pair<Tensor, Tensor>>& moves) const;
  void visit_tensors(const std::string& prefix, bool parameters, bool buffers, const Visit& visit) const;

  std::vector<State::Entry> parameters_, buffers_;
  Named children_;
  bool training_ = true;
};

/// clone() with the type of what is cloned.
template <class M>
std::unique_ptr<M> clone(const M& module) {
  return std::unique_ptr<M>(static_cast<M*>(module.clone().release()));
}

namespace detail {
template <class M>
struct OptionsOf {
  struct type;  // of a module without Options: nothing converts to it
};
template <class M>
requires requires { typename M::Options; }
struct OptionsOf<M> {
  using type = typename M::Options;
};
}  // namespace detail
/// The options from which a module is built.
template <class M>
using OptionsOf = typename detail::OptionsOf<M>::type;

/// A module that is part of another, built and registered where it is declared. Acts as a pointer to it; a
/// call is a call of the module. Throws ValueError as Parameter does.
template <class M>
class Child {
 public:
  /// M(args...)
  template <class... A>
  Child(Module& parent, const std::string& name, A&&... args) : module_(std::forward<A>(args)...) {
    parent.add_child(name, module_);
  }
  /// M from its options: `fc(*this, "fc", {.in_features = 3, .out_features = 2})`
  Child(Module& parent, const std::string& name, const OptionsOf<M>& options) : module_(options) {
    parent.add_child(name, module_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  M& operator*() { return module_; }
  const M& operator*() const { return module_; }
  M* operator->() { return &module_; }
  const M* operator->() const { return &module_; }
  operator M&() { return module_; }  // NOLINT(google-explicit-constructor)
  template <class... A>
  auto operator()(A&&... args) {
    return module_(std::forward<A>(args)...);
  }

 private:
  M module_;
};

/// M on the heap, from its options: `make<Linear>({.in_features = 3, .out_features = 2})`
template <class M>
std::unique_ptr<M> make(const OptionsOf<M>& options) {
  return std::make_unique<M>(options);
}
/// M(args...) on the heap.
template <class M, class... A>
std::unique_ptr<M> make(A&&... args) {
  return std::make_unique<M>(std::forward<A>(args)...);
}

}  // namespace fornax::nn
