#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "fornax/autograd/node.h"

namespace fornax::autograd {

/// The end of a path: collects the gradient of a tensor that asked for one.
class Leaf final : public Node {
 public:
  Leaf();
  using Node::set_output;
  Grads backward(const Tensor& dy) override;
  std::string_view name() const override { return "leaf"; }
  bool is_leaf() const noexcept override { return true; }
  Tensor grad() const override { return grad_; }
  void set_grad(Tensor grad) override { grad_ = std::move(grad); }
  int add_ready_hook(std::function<void(const Tensor&)> hook);
  void remove_hook(int id) override;

 private:
  Tensor grad_;
  std::vector<std::pair<int, std::function<void(const Tensor&)>>> ready_hooks_;
};

/// The node of `tensor`, or null. A leaf that requires grad has a Leaf.
inline Node* node_of(const Tensor& tensor) { return static_cast<Node*>(tensor.grad_meta()); }

int next_hook_id();

}  // namespace fornax::autograd
