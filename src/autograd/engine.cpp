// Policy: a node is ready when all recorded uses of its output have sent their gradient. Of the ready nodes
// the one that was recorded last goes first, leaves before all others, so gradients are complete as early as
// they can be and the order is the same in every run. Each node gives up its edges once it has run, which
// frees the nodes before it, and what they saved, as soon as they have run too.
#include "autograd/engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "autograd/contracts.h"
#include "autograd/leaf.h"
#include "fornax/base/error.h"
#include "fornax/dispatch/autocast.h"

namespace fornax::autograd {
namespace {

std::atomic<std::uint64_t> visits{0};
/// Engines that run on this thread, one inside the other.
constinit thread_local int depth = 0;

struct Depth {
  Depth() { ++depth; }
  ~Depth() { --depth; }
};

[[noreturn]] void fail_freed(const Node& node) {
  throw AutogradError(
      node.name(),
      "expected a graph that has not been differentiated yet, got one that backward() has freed; pass "
      "retain_graph to the first backward()");
}

}  // namespace

bool Engine::Later::operator()(const Ref<Node>& a, const Ref<Node>& b) const {
  if (a->is_leaf() != b->is_leaf()) return b->is_leaf();
  return a->sequence_ < b->sequence_;
}

void Engine::Outer::keep(Node& node) {
  states_.push_back({Ref<Node>(&node), std::move(node.pending_), std::move(node.more_pending_), node.visited_,
                     node.dependencies_});
}

Engine::Outer::~Outer() {
  for (State& state : states_) {
    state.node->pending_ = std::move(state.pending);
    state.node->more_pending_ = std::move(state.more_pending);
    state.node->visited_ = state.visited;
    state.node->dependencies_ = state.dependencies;
  }
}

void Engine::enter(Node& node, std::uint64_t visit, Outer* outer) {
  if (outer) outer->keep(node);
  node.visited_ = visit;
  node.dependencies_ = 0;
  node.pending_ = node.more_pending_ = {};
}

void Engine::collect(Node& root, std::uint64_t visit, Outer* outer) {
  std::vector<Node*> stack{&root};
  enter(root, visit, outer);
  while (!stack.empty()) {
    Node& node = *stack.back();
    stack.pop_back();
    if (node.freed_) fail_freed(node);
    for (const Ref<Node>& edge : node.edges_) {
      if (!edge) continue;
      if (edge->visited_ != visit) {
        enter(*edge, visit, outer);
        stack.push_back(edge.get());
      }
      ++edge->dependencies_;
    }
  }
}

void Engine::check_gradient(const Node& of, std::size_t input, const Node& node, const Tensor& gradient) {
  if (gradient.shape() == of.shape_ && gradient.dtype() == of.dtype_) return;
  throw AutogradError(node.name(),
                      fmt::format("expected backward to give {}{} as the gradient of input {}, got {}",
                                  name_of(of.dtype_), to_string(of.shape_), input, describe(gradient)));
}

/// A second gradient stays apart where the node wants it so; further ones are added to the first.
void Engine::add_pending(Node& node, Tensor gradient) {
  const bool apart = node.pending_.defined() && !node.more_pending_.defined() && node.takes_summands();
  if (apart)
    node.more_pending_ = std::move(gradient);
  else
    accumulate(node.pending_, std::move(gradient));
}

void Engine::process(Node& node, bool retain_graph, std::vector<Ref<Node>>& ready) {
  Tensor dy = std::exchange(node.pending_, {}), more = std::exchange(node.more_pending_, {});
  Grads grads;
  if (dy.defined()) {
    std::optional<StreamGuard> stream;
    // A leaf has no forward: its gradient is summed where backward() was called.
    if (!node.is_leaf() && !node.stream_.device.is_cpu()) stream.emplace(node.stream_);
    if (node.extras_) {
      if (more.defined()) accumulate(dy, std::exchange(more, {}));  // hooks see the sum
      // A copy: a hook may remove itself, or add another one.
      for (const auto& [id, hook] : std::vector(node.extras_->hooks))
        if (Tensor changed = hook(dy); changed.defined()) {
          check_gradient(node, 0, node, changed);
          dy = std::move(changed);
        }
      if (node.extras_->retain_grad) accumulate(node.extras_->grad, dy);
    }
    if (node.freed_) fail_freed(node);  // by a backward() that a hook ran
    {
      const AnomalyGuard off(false);  // the ops inside: what comes out is checked below, by this node's name
      grads = more.defined() ? node.backward_of_sum(dy, more) : node.backward(dy);
    }
    dy = more = {};
  }
  for (std::size_t i = 0; i < node.edges_.size(); ++i) {
    Node* next = node.edges_[i].get();
    if (!next) continue;
    if (i < grads.size() && grads[i].defined()) {
      check_gradient(*next, i, node, grads[i]);
      if (anomaly_enabled()) detail::check_finite(grads[i], fmt::format("{} backward", node.name()));
      add_pending(*next, std::move(grads[i]));
    }
    if (--next->dependencies_ == 0) {
      ready.emplace_back(next);
      std::ranges::push_heap(ready, Later{});
    }
  }
  if (!retain_graph && !node.is_leaf()) {
    node.freed_ = true;
    node.edges_.clear();
  }
}

void Engine::drop_pending(Node& from, std::uint64_t visit) {
  std::vector<Node*> stack{&from};
  while (!stack.empty()) {
    Node& node = *stack.back();
    stack.pop_back();
    node.pending_ = node.more_pending_ = {};
    for (const Ref<Node>& edge : node.edges_)
      if (edge && std::exchange(edge->visited_, 0) == visit) stack.push_back(edge.get());
  }
}

void Engine::run(Node& root, Tensor gradient, bool retain_graph) {
  const NoGrad no_grad;
  // Gradients have the dtypes of the forward, which autocast would change.
  const amp::Autocast no_cpu_cast(DeviceType::cpu, DType::bf16, false);
  const amp::Autocast no_cuda_cast(DeviceType::cuda, DType::bf16, false);
  const Depth nesting;
  std::optional<Outer> outer;
  if (depth > 1) outer.emplace();
  const std::uint64_t visit = ++visits;
  collect(root, visit, outer ? &*outer : nullptr);
  root.pending_ = std::move(gradient);
  std::vector<Ref<Node>> ready{Ref<Node>(&root)};
  while (!ready.empty()) {
    std::ranges::pop_heap(ready, Later{});
    const Ref<Node> node = std::move(ready.back());
    ready.pop_back();
    try {
      process(*node, retain_graph, ready);
    } catch (...) {
      drop_pending(*node, visit);
      for (const Ref<Node>& other : ready) drop_pending(*other, visit);
      throw;
    }
  }
}

}  // namespace fornax::autograd
