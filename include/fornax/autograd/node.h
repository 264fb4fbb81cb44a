#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "fornax/autograd/grad_mode.h"
#include "fornax/base/export.h"
#include "fornax/base/inline_vector.h"
#include "fornax/device/stream.h"
#include "fornax/tensor/tensor.h"

/// The graph that backward() walks. An op's gradient is a struct derived from Node with typed fields,
/// attached to its output by record():
///
///   struct SwishGrad final : autograd::Node {
///     autograd::Saved x;
///     float beta = 1.f;
///     std::string_view name() const override { return "swish"; }
///     Grads backward(const Tensor& dy) override;
///   };
///   autograd::record<SwishGrad>(y, {x}, [&](SwishGrad& node) { node.x.save(x); node.beta = beta; });
namespace fornax {

/// The gradients of a node's inputs, in their order; undefined where none is wanted or it is zero.
class Grads {
 public:
  Grads() = default;
  /// Of one to four inputs.
  Grads(Tensor grad) { push_back(std::move(grad)); }  // NOLINT(google-explicit-constructor)
  Grads(Tensor first, Tensor second) : Grads(std::move(first)) { push_back(std::move(second)); }
  Grads(Tensor first, Tensor second, Tensor third) : Grads(std::move(first), std::move(second)) {
    push_back(std::move(third));
  }
  Grads(Tensor first, Tensor second, Tensor third, Tensor fourth)
      : Grads(std::move(first), std::move(second), std::move(third)) {
    push_back(std::move(fourth));
  }
  void push_back(Tensor grad) { grads_.push_back(std::move(grad)); }
  std::size_t size() const { return grads_.size(); }
  Tensor& operator[](std::size_t i) { return grads_[i]; }

 private:
  InlineVector<Tensor, 4> grads_;
};

namespace autograd {

class Node;
struct Input;
namespace detail {
FORNAX_API void attach(Tensor& output, Ref<Node> node, std::span<const Input> inputs);
FORNAX_API void check_finite(const Tensor& output, std::string_view op);
}  // namespace detail

/// A tensor that backward will need, and the version it must still have then. It holds the memory, not the
/// history, so that a saved output makes no cycle and a kept tensor keeps no chain of others alive.
class FORNAX_API Saved {
 public:
  void save(const Tensor& tensor);
  /// The tensor, without history; undefined if an undefined one was saved. Throws AutogradError naming the op
  /// of `node` if the memory was written in place since.
  Tensor get(const Node& node) const;

 private:
  Tensor tensor_;
  std::uint32_t version_ = 0;
};

/// A reference to an input of an op, for record().
struct Input {
  const Tensor* tensor;
  Input(const Tensor& input) : tensor(&input) {}
};

/// One recorded op with one differentiable output, or a leaf. A graph may be built by many threads but is
/// differentiated by one at a time, which may run a backward() inside of another one (from a hook). Two
/// backward() at once on two threads must have no leaf in common.
class FORNAX_API Node : public GradMeta {
 public:
  /// Gradients of the inputs from that of the output, by public ops, which do not record here. Runs with the
  /// stream of the forward as the current one.
  virtual Grads backward(const Tensor& dy) = 0;
  /// Whether the gradients of two uses of the output are handed to backward_of_sum() as they are, not as
  /// their sum to backward(): for a node that adds them while it reads them, which saves a pass over memory.
  virtual bool takes_summands() const noexcept { return false; }
  /// The gradients for dy + more.
  virtual Grads backward_of_sum(const Tensor& dy, const Tensor& more);
  /// The op, as messages name it.
  virtual std::string_view name() const = 0;
  /// The node that collects the gradient of a leaf.
  virtual bool is_leaf() const noexcept { return false; }

  /// Whether the gradient of input `i` is wanted.
  bool needs(std::size_t i) const { return i < edges_.size() && edges_[i]; }

  int add_hook(std::function<Tensor(const Tensor&)> hook);
  virtual void remove_hook(int id);
  /// Keeps the gradient of the output in grad().
  void retain_grad();
  virtual Tensor grad() const;
  virtual void set_grad(Tensor grad);
  void dispose() noexcept final;

 protected:
  Node();
  virtual ~Node();
  /// Notes what the output, and so its gradient, looks like.
  void set_output(const Tensor& output);

 private:
  friend class Engine;
  friend void detail::attach(Tensor& output, Ref<Node> node, std::span<const Input> inputs);
  struct Extras {
    std::vector<std::pair<int, std::function<Tensor(const Tensor&)>>> hooks;
    Tensor grad;
    bool retain_grad = false;
  };
  Extras& extras();

  InlineVector<Ref<Node>, 4> edges_;  // a null edge: that input needs no gradient
  Shape shape_;                       // of the output, which its gradient must have
  DType dtype_ = DType::f32;
  Stream stream_;
  std::unique_ptr<Extras> extras_;
  // The engine's, during one backward:
  Tensor pending_, more_pending_;
  std::uint64_t sequence_;
  std::uint64_t visited_ = 0;
  std::uint32_t dependencies_ = 0;
  bool freed_ = false;
  Node* next_dead_ = nullptr;  // while a chain of nodes is being destroyed
};

/// True if an op on these inputs must record itself.
FORNAX_API bool needs_grad(std::span<const Input> inputs);

/// Makes `output` the result of a new N on `inputs` (those whose gradients N::backward returns, in that
/// order), filled in by `fill(N&)`. Does nothing if recording is off or no input needs a gradient, but that
/// anomaly mode looks at the output.
template <class N, class Fill>
void record(Tensor& output, std::span<const Input> inputs, Fill&& fill) {
  const bool wanted = needs_grad(inputs);
  if (wanted || anomaly_enabled()) {
    Ref<N> node = Ref<N>::first(new N);
    fill(*node);
    if (anomaly_enabled()) [[unlikely]]
      detail::check_finite(output, node->name());
    if (wanted) detail::attach(output, std::move(node), inputs);
  }
}
template <class N, class Fill>
void record(Tensor& output, std::initializer_list<Input> inputs, Fill&& fill) {
  record<N>(output, std::span<const Input>(inputs.begin(), inputs.size()), std::forward<Fill>(fill));
}

/// Throws AutogradError if `tensor` may not be written in place under the present mode: a leaf that requires
/// grad, or a view of memory that takes part in a graph; or if one of `inputs`, what else the op reads, is a
/// view from before its memory was written. Every in-place op calls it first.
FORNAX_API void check_in_place(const Tensor& tensor, std::span<const Input> inputs, std::string_view op);

/// Nodes alive in the process: tests hold it to find leaks.
FORNAX_API std::int64_t live_nodes() noexcept;

}  // namespace autograd
}  // namespace fornax
