#include "fornax/autograd/node.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <limits>

#include "autograd/contracts.h"
#include "autograd/leaf.h"
#include "fornax/base/error.h"

namespace fornax {

namespace {
constinit thread_local bool grad_mode = true;
constinit thread_local bool anomaly_mode = false;
}  // namespace

bool grad_enabled() noexcept { return grad_mode; }
GradGuard::GradGuard(bool enabled) noexcept : before_(std::exchange(grad_mode, enabled)) {}
GradGuard::~GradGuard() { grad_mode = before_; }
bool anomaly_enabled() noexcept { return anomaly_mode; }
AnomalyGuard::AnomalyGuard(bool enabled) noexcept : before_(std::exchange(anomaly_mode, enabled)) {}
AnomalyGuard::~AnomalyGuard() { anomaly_mode = before_; }

namespace autograd {
namespace {

/// Counts per thread: the engine only wants to know which of two nodes is younger, and that matters most
/// within a thread.
constinit thread_local std::uint64_t next_sequence = 1;
std::atomic<std::int64_t> node_count{0};
std::atomic<int> hook_ids{0};

bool is_dense(const Tensor& tensor) {
  return tensor.is_contiguous() || tensor.is_contiguous(MemoryFormat::channels_last);
}

/// True for a view whose history is no longer that of its memory.
bool is_outdated(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_view()) return false;
  const Node* node = node_of(tensor);
  const bool is_behind = node && !node->is_leaf() && tensor.view_version() != tensor.version();
  return is_behind || tensor.misses_history();
}

[[noreturn]] void fail_outdated(const Tensor& tensor, std::string_view op) {
  throw AutogradError(op, "expected a view whose memory is as it was when the view was made, got " +
                              describe(tensor) + ", which was written in place since; take the view again");
}

}  // namespace

std::int64_t live_nodes() noexcept { return node_count; }
int next_hook_id() { return ++hook_ids; }

void accumulate(Tensor& grad, Tensor more) {
  if (!grad.defined()) {
    grad = std::move(more);
    return;
  }
  const auto may_overwrite = [](const Tensor& tensor) { return tensor.is_sole_owner() && is_dense(tensor); };
  if (!may_overwrite(grad) && may_overwrite(more)) std::swap(grad, more);
  Tensor sum = may_overwrite(grad) ? grad : empty_like(grad);
  dispatch::run(grad_accumulate_row, GradAccumulate{sum, grad, more});
  grad = std::move(sum);
}

void Saved::save(const Tensor& tensor) {
  if (!tensor.defined()) return;
  // Only the memory: an output, which gets its history after it was saved, would keep itself alive.
  const Node* node = node_of(tensor);
  tensor_ = node && node->is_leaf() ? tensor : tensor.alias(tensor.shape(), tensor.strides());
  version_ = tensor.version();
}

Tensor Saved::get(const Node& node) const {
  if (tensor_.defined() && tensor_.version() != version_) {
    throw AutogradError(
        node.name(),
        fmt::format("expected {}, which was saved for backward, at version {}, got version {}: it was "
                    "written in place since",
                    describe(tensor_), version_, tensor_.version()));
  }
  return tensor_;
}

Node::Node() : sequence_(next_sequence++) { node_count.fetch_add(1, std::memory_order_relaxed); }

Node::~Node() { node_count.fetch_sub(1, std::memory_order_relaxed); }

// A chain of 100,000 nodes must not be destroyed by 100,000 nested destructors: nodes that die while another
// one is being destroyed are queued (in themselves, without memory) and destroyed after it.
void Node::dispose() noexcept {
  constinit thread_local Node* queue = nullptr;
  constinit thread_local bool draining = false;
  next_dead_ = queue;
  queue = this;
  if (draining) return;
  draining = true;
  while (queue) {
    Node* node = queue;
    queue = node->next_dead_;
    delete node;
  }
  draining = false;
}

Grads Node::backward_of_sum(const Tensor& dy, const Tensor& more) {
  Tensor sum = dy;
  accumulate(sum, more);
  return backward(sum);
}

void Node::set_output(const Tensor& output) {
  shape_ = output.shape();
  dtype_ = output.dtype();
  stream_ = current_stream(output.device());
}

Node::Extras& Node::extras() {
  if (!extras_) extras_ = std::make_unique<Extras>();
  return *extras_;
}

int Node::add_hook(std::function<Tensor(const Tensor&)> hook) {
  extras().hooks.emplace_back(next_hook_id(), std::move(hook));
  return extras().hooks.back().first;
}

void Node::remove_hook(int id) {
  if (extras_) std::erase_if(extras_->hooks, [id](const auto& hook) { return hook.first == id; });
}

void Node::retain_grad() { extras().retain_grad = true; }
Tensor Node::grad() const { return extras_ ? extras_->grad : Tensor(); }
void Node::set_grad(Tensor grad) { extras().grad = std::move(grad); }

Leaf::Leaf() = default;

Grads Leaf::backward(const Tensor& dy) {
  if (grad_.defined())
    accumulate(grad_, dy);
  else if (dy.is_sole_owner() && is_dense(dy))
    grad_ = dy;
  else {
    grad_ = empty_like(dy);
    dispatch::run(grad_accumulate_row, GradAccumulate{grad_, dy, {}});
  }
  for (const auto& [id, hook] : std::vector(ready_hooks_)) hook(grad_);  // a copy: one may remove itself
  return {};
}

int Leaf::add_ready_hook(std::function<void(const Tensor&)> hook) {
  ready_hooks_.emplace_back(next_hook_id(), std::move(hook));
  return ready_hooks_.back().first;
}

void Leaf::remove_hook(int id) {
  Node::remove_hook(id);
  std::erase_if(ready_hooks_, [id](const auto& hook) { return hook.first == id; });
}

// A view that misses history is among the inputs that need a gradient, so that attach() refuses it.
bool needs_grad(std::span<const Input> inputs) {
  return grad_mode && std::ranges::any_of(inputs, [](const Input& input) {
           return input.tensor->grad_meta() || input.tensor->misses_history();
         });
}

void detail::attach(Tensor& output, Ref<Node> node, std::span<const Input> inputs) {
  bool in_place = false;
  for (const Input& input : inputs) {
    const Tensor& tensor = *input.tensor;
    if (tensor.is(output))
      in_place = true;
    else if (is_outdated(tensor))
      fail_outdated(tensor, node->name());
    node->edges_.push_back(Ref<Node>(node_of(tensor)));
  }
  if (in_place) output.storage()->note_recorded_write();
  node->set_output(output);
  output.set_grad_meta(std::move(node));
}

void detail::check_finite(const Tensor& output, std::string_view op) {
  if (!is_floating(output.dtype())) return;
  const NoGrad no_grad;
  Tensor found = empty({1}, {.dtype = DType::boolean, .device = output.device()});
  found.zero_();
  dispatch::run(find_nonfinite_row, FindNonfinite{output, found});
  if (found.item<bool>())
    throw AutogradError(op, "expected finite values, got a NaN or an infinity; y=" + describe(output));
}

void check_in_place(const Tensor& tensor, std::span<const Input> inputs, std::string_view op) {
  if (!tensor.defined()) throw ValueError(op, "expected a tensor as x, got an undefined one");
  if (!grad_mode) return;
  const Node* node = node_of(tensor);
  if (node && node->is_leaf()) {
    throw AutogradError(
        op,
        "expected a tensor that may be written in place, got a leaf that requires grad; use NoGrad or "
        "detach(); x=" +
            describe(tensor));
  }
  if (tensor.is_view() && (needs_grad({{tensor}}) || needs_grad(inputs))) {
    throw AutogradError(
        op,
        "expected a tensor that is not a view where gradients are recorded, got a view; write out of "
        "place (concat, stack, where) or under NoGrad; x=" +
            describe(tensor));
  }
  for (const Input& input : inputs)
    if (is_outdated(*input.tensor)) fail_outdated(*input.tensor, op);
}

}  // namespace autograd
}  // namespace fornax
